import socket
from urllib.request import urlopen

import pytest

from tests.standins.canary import Canary


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_canary_counts_whoever_comes(host: str) -> None:
    with Canary(host) as canary:
        assert (canary.hits, canary.connections) == (0, 0)
        assert urlopen(canary.url("/secret?a=1"), timeout=5).read() == Canary.SECRET
        assert (canary.paths, canary.connections) == (["/secret?a=1"], 1)


def test_a_canary_also_counts_who_only_knocks() -> None:
    with Canary() as canary:
        with socket.create_connection((canary.host, canary.port), timeout=5) as knocking:
            knocking.shutdown(socket.SHUT_WR)
            assert knocking.recv(1) == b""
        assert (canary.hits, canary.connections) == (0, 1)


def test_its_address_can_be_written_with_another_host() -> None:
    with Canary() as canary:
        assert canary.url("/x", host="2130706433") == f"http://2130706433:{canary.port}/x"
