"""What a visit finds at a service, well and unwell, and what it says about it."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.integrations import visit as module
from pipelines.integrations.visit import Visit, visit
from tests.servers import free_port
from tests.standins.plex_http import Request
from tests.standins.plex_sample import Sample
from tests.standins.secure_site import SecureVideoSite
from tests.standins.side_services import Overseerr, Signpost, UptimeKuma

CANARY = "canary-of-a-secret"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visit takes at most two seconds."""
    monkeypatch.setattr(module, "PATIENCE", 2.0)


@pytest.fixture
def sample() -> Iterator[Sample]:
    with Sample() as running:
        yield running


@pytest.fixture
def overseerr() -> Iterator[Overseerr]:
    with Overseerr(CANARY) as running:
        yield running


@pytest.fixture
def kuma() -> Iterator[UptimeKuma]:
    with UptimeKuma(CANARY) as running:
        yield running


@pytest.fixture
def signpost() -> Iterator[Signpost]:
    with Signpost() as running:
        yield running


def asked(requests: list[Request]) -> list[str]:
    return [f"{request.method} {request.path}" for request in requests]


def plex(sample: Sample, token: str | None = None) -> Visit:
    return visit("plex", sample.plex.base, token)


def test_plex_with_a_good_token_tells_its_name_its_version_and_who_it_is(sample: Sample) -> None:
    found = plex(sample, sample.owner.token)
    assert (found.state, found.message, found.advice) == ("up", "", "")
    assert (found.name, found.version) == (sample.server.name, sample.server.version)
    assert found.identity == sample.server.machine_identifier
    assert found.latency_ms is not None
    assert asked(sample.plex.requests) == ["GET /identity", "GET /"]
    assert [request.token for request in sample.plex.requests] == ["", sample.owner.token]


def test_plex_without_a_token_is_up_and_wants_one(sample: Sample) -> None:
    found = plex(sample)
    assert (found.state, found.name, found.version) == ("up", None, sample.server.version)
    assert found.identity == sample.server.machine_identifier and "token" in found.advice
    assert asked(sample.plex.requests) == ["GET /identity"]


def test_plex_that_refuses_the_token_is_degraded(sample: Sample) -> None:
    found = plex(sample, CANARY)
    assert (found.state, found.message) == ("degraded", "It refuses the token.")
    assert "token" in found.advice and CANARY not in str(found)
    assert found.identity == sample.server.machine_identifier and found.latency_ms is not None


def test_plex_that_starts_says_so(sample: Sample) -> None:
    sample.plex.switches.status(503)
    assert plex(sample).state == "starting"


def test_plex_with_an_error_of_its_own_is_degraded(sample: Sample) -> None:
    sample.plex.switches.status(500, "GET /identity")
    found = plex(sample, CANARY)
    assert (found.state, found.message) == ("degraded", "It answers with error 500.")
    assert asked(sample.plex.requests) == ["GET /identity"], "the token goes to nobody who is not Plex"


def test_plex_that_neither_takes_nor_refuses_the_token_is_degraded(sample: Sample) -> None:
    sample.plex.switches.drip(0.0, "GET /identity", times=1)  # this one goes well
    sample.plex.switches.status(404)
    found = plex(sample, sample.owner.token)
    assert (found.state, found.message) == ("degraded", "It cannot be told whether it accepts the token.")
    assert found.version == sample.server.version


def test_a_half_answer_is_not_plex(sample: Sample) -> None:
    sample.plex.switches.malformed()
    found = plex(sample, CANARY)
    assert (found.state, found.message) == ("down", "What answers there is not Plex.")
    assert "32400" in found.advice


@pytest.mark.parametrize("failure", ["away", "stall", "drip", "stopped"])
def test_plex_that_does_not_answer_is_down_in_time(sample: Sample, failure: str) -> None:
    if failure == "stopped":
        sample.plex.stop()
    elif failure == "drip":
        sample.plex.switches.drip(0.2)
    else:
        getattr(sample.plex.switches, failure)()
    began = time.monotonic()
    found = visit("plex", f"http://127.0.0.1:{sample.plex.port}", sample.owner.token)
    assert time.monotonic() - began < 4
    assert (found.state, found.latency_ms, found.identity) == ("down", None, None)
    assert found.message and "runs" in found.advice
    sample.plex.switches.off()


def test_time_that_the_first_answer_took_is_missing_for_the_second(sample: Sample) -> None:
    slow = sample.plex.switches.stall("GET /identity")
    sample.plex.switches.stall()
    threading.Timer(1.0, slow.open).start()
    began = time.monotonic()
    assert plex(sample, sample.owner.token).state == "down"
    assert time.monotonic() - began < 3.5
    assert asked(sample.plex.requests) == ["GET /identity", "GET /"]
    sample.plex.switches.off()


def test_a_host_that_is_not_there_is_down() -> None:
    for url in (f"http://127.0.0.1:{free_port()}", "http://nowhere.invalid:32400", "http://plex:odd"):
        found = visit("plex", url, CANARY)
        assert (found.state, found.latency_ms) == ("down", None) and found.advice


def test_no_redirect_is_followed(signpost: Signpost, sample: Sample, overseerr: Overseerr) -> None:
    for service, target in (("plex", sample.plex), ("overseerr", overseerr), ("uptime_kuma", overseerr)):
        signpost.target = target.base
        found = visit(service, signpost.base, CANARY)
        assert (found.state, found.message) == ("down", "It sends us on to another address.")
    assert sample.plex.requests == [] and overseerr.requests == []
    assert all(CANARY not in str(request.headers) for request in signpost.requests)


def test_a_redirect_within_the_server_is_not_plex(signpost: Signpost) -> None:
    signpost.target = "/login"
    assert visit("plex", signpost.base, CANARY).message == "What answers there is not Plex."


def test_a_certificate_that_nobody_signed_is_not_accepted(tmp_path: Path) -> None:
    with SecureVideoSite(tmp_path) as site:
        found = visit("plex", site.base, CANARY)
    assert (found.state, found.message) == ("down", "Its certificate is not accepted.")
    assert "certificate" in found.advice


def test_overseerr_with_the_right_a_wrong_and_no_key(overseerr: Overseerr) -> None:
    right, wrong, none = (visit("overseerr", overseerr.base, key) for key in (CANARY, "wrong", None))
    assert (right.state, right.version, right.advice) == ("up", "1.34.0", "")
    assert (wrong.state, wrong.message) == ("degraded", "It refuses the API key.") and wrong.advice
    assert (none.state, none.version) == ("up", "1.34.0") and "API key" in none.advice


def test_uptime_kuma_with_the_right_a_wrong_and_no_key(kuma: UptimeKuma) -> None:
    right, wrong, none = (visit("uptime_kuma", kuma.base, key) for key in (CANARY, "wrong", None))
    assert (right.state, right.advice) == ("up", "")
    assert (wrong.state, wrong.message) == ("degraded", "It refuses the API key.") and wrong.advice
    assert none.state == "up" and "API key" in none.advice


def test_another_service_is_not_taken_for_the_one_that_is_meant(
    sample: Sample, overseerr: Overseerr, kuma: UptimeKuma
) -> None:
    for service, url in (
        ("plex", overseerr.base),
        ("plex", kuma.base),
        ("overseerr", sample.plex.base),
        ("overseerr", kuma.base),
        ("uptime_kuma", overseerr.base),
    ):
        found = visit(service, url, CANARY)
        assert found.state == "down" and "is not" in found.message
    everyone = sample.plex.requests + overseerr.requests + kuma.requests
    assert all(CANARY not in str(request.headers) for request in everyone)


def test_a_name_is_one_line_of_bounded_length(sample: Sample) -> None:
    sample.server.name = "a\x1b[31m\nb" + "c" * 500
    name = plex(sample, sample.owner.token).name or ""
    assert name.startswith("a[31mbccc") and len(name) == 100
