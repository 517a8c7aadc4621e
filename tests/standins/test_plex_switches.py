"""Each failure of the stand-ins for plex.tv and for a media server, seen from a client."""

import http.client
import threading
from urllib.parse import urlsplit

import pytest
import requests

from tests.standins.plex_sample import Sample

POLL = "GET /api/v2/pins/"
PINS = "/api/v2/pins"
OURS = {"Accept": "application/json", "X-Plex-Client-Identifier": "a-client"}


def make_pin(sample: Sample) -> int:
    pin: int = requests.post(sample.plex_tv.base + PINS, headers=OURS, timeout=10).json()["id"]
    return pin


def failure_of(sample: Sample) -> BaseException:
    with pytest.raises(requests.RequestException) as failed:
        make_pin(sample)
    return failed.value


def poll(sample: Sample, pin: int, timeout: float = 10) -> requests.Response:
    return requests.get(f"{sample.plex_tv.base}{PINS}/{pin}", headers=OURS, timeout=timeout)


def test_away_closes_the_connection_where_and_as_often_as_it_is_told(sample: Sample) -> None:
    pin = make_pin(sample)
    sample.plex_tv.switches.away(only=POLL, times=2)
    assert make_pin(sample)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            poll(sample, pin)
    assert poll(sample, pin).ok


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_of_plex_tv_says_so_in_json(sample: Sample, status: int) -> None:
    fault = sample.plex_tv.switches.status(status)
    answer = poll(sample, 1)
    assert (answer.status_code, answer.json()["errors"][0]["status"]) == (status, status)
    sample.plex_tv.switches.off(fault)
    assert make_pin(sample)


@pytest.mark.parametrize(("status", "kind"), [(502, "text/html; charset=utf-8"), (404, None)])
def test_what_stands_in_front_of_plex_tv_says_nothing_in_json(
    sample: Sample, status: int, kind: str | None
) -> None:
    pin = make_pin(sample)
    sample.plex_tv.switches.status(status)
    answer = poll(sample, pin)
    assert (answer.status_code, answer.headers.get("Content-Type")) == (status, kind)
    assert "X-Request-Id" not in answer.headers
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_too_many_requests_names_the_time_to_wait(sample: Sample) -> None:
    sample.plex_tv.switches.status(429, retry_after="7", times=1)
    answer = poll(sample, 1)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["errors"] == [{"code": 1003, "message": "API rate limit exceeded", "status": 429}]


def test_a_malformed_answer_looks_right_until_it_is_read(sample: Sample) -> None:
    pin = make_pin(sample)
    sample.plex_tv.switches.malformed(times=1)
    answer = poll(sample, pin)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert poll(sample, pin).json()["id"] == pin


def test_a_stalled_poll_answers_when_its_gate_is_opened(sample: Sample) -> None:
    pin = make_pin(sample)
    gate = sample.plex_tv.switches.stall(only=POLL)
    with pytest.raises(requests.ReadTimeout):
        poll(sample, pin, timeout=0.2)
    got: list[requests.Response] = []
    asker = threading.Thread(target=lambda: got.append(poll(sample, pin)))
    asker.start()
    sample.plex_tv.wait_for(lambda log: [one.method for one in log].count("GET") == 2)
    assert (got, make_pin(sample) > pin) == ([], True)
    gate.open()
    asker.join(20)
    assert got[0].json()["id"] == pin


def test_a_dripping_answer_comes_byte_by_byte(sample: Sample) -> None:
    pin = make_pin(sample)
    sample.plex_tv.switches.drip(5)
    line = http.client.HTTPConnection(urlsplit(sample.plex_tv.base).netloc, timeout=5)
    line.request("GET", f"{PINS}/{pin}", headers=OURS)
    answer = line.getresponse()
    assert len(answer.read1(1000)) == 1
    line.close()


def test_stopping_refuses_everybody_and_starting_answers_at_the_same_address(sample: Sample) -> None:
    with requests.Session() as session:
        before = session.post(sample.plex_tv.base + PINS, headers=OURS, timeout=10).json()["id"]
        sample.plex_tv.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(f"{sample.plex_tv.base}{PINS}/{before}", headers=OURS, timeout=10)
        sample.plex_tv.start()
        assert session.get(f"{sample.plex_tv.base}{PINS}/{before}", headers=OURS, timeout=10).ok


def test_a_stall_does_not_outlive_the_server() -> None:
    with Sample() as sample:
        sample.plex_tv.switches.stall(times=1)
        failures: list[BaseException] = []
        asker = threading.Thread(target=lambda: failures.append(failure_of(sample)))
        asker.start()
        sample.plex_tv.wait_for(lambda log: len(log) == 1)
    asker.join(20)
    assert [type(failure) for failure in failures] == [requests.ConnectionError]


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, "text/html", "<h1>401 Unauthorized</h1>"),
        (500, "text/html", "<h1>500 Internal Server Error</h1>"),
        (503, "text/xml;charset=utf-8", "currently running database migrations."),
    ],
)
def test_a_media_server_refuses_in_html_and_starts_in_xml(
    sample: Sample, status: int, kind: str, said: str
) -> None:
    sample.plex.switches.status(status)
    answer = requests.get(f"{sample.plex.base}/identity", headers=OURS, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, kind)
    assert said in answer.text


def test_a_media_server_that_is_away_closes_the_connection(sample: Sample) -> None:
    sample.plex.switches.away(times=1)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{sample.plex.base}/identity", headers=OURS, timeout=10)
    assert requests.get(f"{sample.plex.base}/identity", headers=OURS, timeout=10).ok
