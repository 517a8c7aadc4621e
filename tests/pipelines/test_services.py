"""Looking at services by their stored settings: what counts as well, and who is believed to be the Plex server."""

from collections.abc import Iterator

import pytest

from config.database import change
from config.settings import settings
from pipelines.models import service
from pipelines.models.connection import connection, store
from pipelines.services import SERVICES, describe_service, look_at, visit_at
from tests.standins.plex_sample import Sample
from tests.standins.side_services import Overseerr

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def sample() -> Iterator[Sample]:
    with Sample() as running:
        yield running


def test_ours_are_looked_at_and_what_is_not_connected_is_unconfigured() -> None:
    assert {name: look_at(name)[0] for name in SERVICES} == {
        **dict.fromkeys(("database", "redis", "disk"), "up"),
        **dict.fromkeys(("plex", "overseerr", "uptime_kuma"), "unconfigured"),
    }


def test_before_the_first_look_settings_decide_what_is_told(sample: Sample) -> None:
    assert describe_service("plex", None)["state"] == "unconfigured"
    store("plex", sample.plex.base, None, None)
    assert describe_service("plex", None)["state"] == "starting"
    assert describe_service("disk", None)["state"] == "starting"


def test_the_environments_plex_is_looked_at_and_remembered(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sample.environment().items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    state, latency, message = look_at("plex")
    assert (state, message) == ("up", "") and latency is not None
    assert connection("plex").identity == sample.server.machine_identifier
    store("plex", None, None, None)
    assert look_at("plex") == ("unconfigured", None, "")


def test_a_refused_token_is_told(sample: Sample) -> None:
    store("plex", sample.plex.base, "wrong", None)
    state, latency, message = look_at("plex")
    assert (state, message) == ("degraded", "It refuses the token.") and latency is not None


def test_another_server_at_the_address_is_not_taken_for_it(sample: Sample) -> None:
    store("plex", sample.plex.base, sample.owner.token, "anothermachine")
    assert look_at("plex")[0::2] == ("degraded", "Another server answers at its address.")
    assert connection("plex").identity == "anothermachine"


def test_a_secret_that_does_not_open_is_told_and_not_replaced_by_none(sample: Sample) -> None:
    store("plex", sample.plex.base, sample.owner.token, None)
    change("UPDATE connection SET secret = 'v1.00000000.AAAA'")
    found = visit_at(connection("plex"))
    assert (found.state, found.message) == ("degraded", "Its stored secret does not open any more.")
    assert [request.token for request in sample.plex.requests] == [""]


def test_a_look_at_overseerr_uses_its_key() -> None:
    with Overseerr("the right one") as overseerr:
        for key, state in (("the right one", "up"), ("a wrong one", "degraded")):
            store("overseerr", overseerr.base, key, None)
            assert look_at("overseerr")[0] == state


def test_what_is_told_of_a_service_has_neither_address_nor_secret(sample: Sample) -> None:
    store("plex", sample.plex.base, "canary-token", None)
    row = service.record("plex", *look_at("plex"))
    told = describe_service("plex", row)
    assert set(told) == {"name", "state", "latency_ms", "uptime", "since", "checked_at", "message"}
    assert "canary" not in str(told) and sample.plex.base not in str(told)
