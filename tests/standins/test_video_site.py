import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.standins.media import SECONDS
from tests.standins.video_site import VideoSite, requests_over_http


@pytest.fixture(scope="module")
def site() -> Iterator[VideoSite]:
    with VideoSite() as running:
        yield running


def get(url: str, **headers: str) -> bytes:
    with urlopen(Request(url, headers=headers), timeout=20) as answer:
        body: bytes = answer.read()
        return body


def test_a_file_arrives_as_it_is(site: VideoSite) -> None:
    assert get(site.url("/small.mp4")) == site.file("/small.mp4").read_bytes()
    site.wait_for(lambda requests: requests[-1].sent == site.file("/small.mp4").stat().st_size)


def test_a_range_is_answered_with_206_and_its_place(site: VideoSite) -> None:
    with urlopen(Request(site.url("/small.mp4"), headers={"Range": "bytes=100-199"}), timeout=20) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes 100-199/{site.file('/small.mp4').stat().st_size}"
        assert answer.read() == site.file("/small.mp4").read_bytes()[100:200]
    assert site.requests[-1].range == "bytes=100-199"


def test_a_range_behind_the_end_is_refused(site: VideoSite) -> None:
    with pytest.raises(HTTPError) as refused:
        get(site.url("/small.mp4"), Range="bytes=99999999-")
    assert refused.value.code == 416


def test_noranges_ignores_the_range(site: VideoSite) -> None:
    assert (
        len(get(site.url("/small.mp4?noranges=1"), Range="bytes=100-"))
        == site.file("small.mp4").stat().st_size
    )


def test_a_status_may_come_once_and_with_retry_after(site: VideoSite) -> None:
    address = site.url("/small.mp4?status=503&retry_after=7&status_once=busy")
    with pytest.raises(HTTPError) as refused:
        get(address)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "7")
    assert get(address)


def test_cut_at_closes_early_and_only_once(site: VideoSite) -> None:
    address = site.url("/large.mp4?cut_at=2000000&cut_once=scissors")
    with pytest.raises(http.client.IncompleteRead) as cut:
        get(address)
    assert len(cut.value.partial) == 2_000_000
    assert len(get(address, Range="bytes=2000000-")) == site.file("/large.mp4").stat().st_size - 2_000_000


def test_stall_at_keeps_the_connection_and_sends_no_more(site: VideoSite) -> None:
    connection = http.client.HTTPConnection(urlsplit(site.base).netloc, timeout=0.5)
    connection.request("GET", "/large.mp4?stall_at=2000000")
    answer = connection.getresponse()
    assert len(answer.read(2_000_000)) == 2_000_000
    with pytest.raises(TimeoutError):
        answer.read(1)
    connection.close()


def test_a_gate_holds_the_body_at_the_middle_until_it_is_opened(site: VideoSite) -> None:
    half = site.file("/large.mp4").stat().st_size // 2
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(get(site.url("/large.mp4?gate=a"))))
    reader.start()
    site.wait_for(lambda log: log[-1].query == "gate=a" and log[-1].sent == half)
    assert not got
    site.open("a")
    reader.join(20)
    assert got[0] == site.file("/large.mp4").read_bytes()


def test_rate_slows_the_body_down(site: VideoSite) -> None:
    began = time.monotonic()
    get(site.url("/audio.m4a?rate=500000"))
    assert time.monotonic() - began > 0.3


def test_nolength_tells_no_length(site: VideoSite) -> None:
    with urlopen(site.url("/small.mp4?nolength=1"), timeout=20) as answer:
        assert answer.headers["Content-Length"] is None
        assert answer.read() == site.file("/small.mp4").read_bytes()


@pytest.mark.parametrize(("claim", "got"), [(2_000_000, None), (200_000, 200_000)])
def test_a_claimed_length_is_a_lie(site: VideoSite, claim: int, got: int | None) -> None:
    address = site.url(f"/wronglength/small.mp4?claim={claim}")
    if got is None:
        with pytest.raises(http.client.IncompleteRead) as short:
            get(address)
        assert short.value.partial == site.file("/small.mp4").read_bytes()
    else:
        assert get(address) == site.file("/small.mp4").read_bytes()[:got]


@pytest.mark.parametrize(("query", "length"), [("", None), ("?length=1500000", "1500000")])
def test_an_endless_film_begins_well_and_never_ends(site: VideoSite, query: str, length: str | None) -> None:
    film = site.file("/small.mp4").read_bytes()
    connection = http.client.HTTPConnection(urlsplit(site.base).netloc, timeout=5)
    connection.request("GET", f"/endless.mp4{query}")
    answer = connection.getresponse()
    assert answer.headers["Content-Length"] == length
    assert answer.read(len(film)) == film
    assert len(answer.read(300_000)) == 300_000
    answer.close()
    connection.close()
    site.wait_for(lambda log: log[-1].path == "/endless.mp4" and log[-1].over)


def test_a_redirect_leads_anywhere_and_a_loop_nowhere(site: VideoSite) -> None:
    assert get(site.url("/redirect?to=/audio.m4a")) == site.file("/audio.m4a").read_bytes()
    connection = http.client.HTTPConnection(urlsplit(site.base).netloc, timeout=5)
    connection.request("GET", "/redirect?status=307&to=http%3A%2F%2F[::1]:1%2Fa%3Fb=1")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (307, "http://[::1]:1/a?b=1")
    connection.close()
    with pytest.raises(HTTPError, match="infinite loop"):
        get(site.url("/loop"))


def test_a_page_refuses_by_words_of_its_own(site: VideoSite) -> None:
    address = site.url("/watch/small.mp4?status_page=503&retry_after=7&status_page_once=full&status=404")
    with pytest.raises(HTTPError) as refused:
        get(address)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "7")
    page = get(address).decode()
    assert site.url("/small.mp4?retry_after=7&status=404") in page


def test_a_page_waits_at_its_gate(site: VideoSite) -> None:
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(get(site.url("/rss.xml?gate_page=b"))))
    reader.start()
    site.wait_for(lambda log: log[-1].query == "gate_page=b")
    assert not got
    site.open("b")
    reader.join(20)
    assert b"gate" not in got[0]


def test_the_log_tells_cookie_and_user_agent(site: VideoSite) -> None:
    get(site.url("/picture.jpg"), Cookie="session=open", **{"User-Agent": "test"})
    assert (site.requests[-1].cookie, site.requests[-1].user_agent) == ("session=open", "test")


def test_addresses_in_pages_are_those_the_client_uses(site: VideoSite) -> None:
    port = urlsplit(site.base).port
    assert (
        f"http://localhost:{port}/small.mp4"
        in get(site.url("/og/small.mp4"), Host=f"localhost:{port}").decode()
    )


def test_a_playlist_hands_its_query_on_to_the_segments(site: VideoSite) -> None:
    text = get(site.url("/hls/media.m3u8?status=404&only=segment04")).decode()
    assert "segment03.ts?status=404&only=segment04" in text
    assert text.rstrip().endswith("#EXT-X-ENDLIST")
    assert get(site.url("/hls/segment03.ts?status=404&only=segment04"))
    assert b"$.m4s?rate=5&amp;only=chunk" in get(site.url("/dash/manifest.mpd?rate=5&only=chunk"))


def test_the_live_playlist_never_ends(site: VideoSite) -> None:
    text = get(site.url("/live/media.m3u8")).decode()
    assert "#EXT-X-ENDLIST" not in text
    first = next(line for line in text.splitlines() if line.endswith(".ts"))
    assert get(urljoin(site.url("/live/media.m3u8"), first))


def test_a_watch_page_describes_its_video_and_hands_its_query_on(site: VideoSite) -> None:
    page = get(site.url("/watch/small.mp4?rate=9")).decode()
    described = json.loads(page.split('<script type="application/ld+json">')[1].split("</script>")[0])
    assert described["contentUrl"] == site.url("/small.mp4?rate=9")
    assert described["duration"] == f"PT{SECONDS}S"
    assert b"video" not in get(site.url("/plain.html"))


def test_it_also_runs_as_a_program_and_tells_its_log() -> None:
    command = [sys.executable, "-m", "tests.standins.video_site"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            base = program.stdout.readline().strip()
            get(f"{base}/small.mp4")
            assert [(one.path, one.status) for one in requests_over_http(base)] == [("/small.mp4", 200)]
        finally:
            program.terminate()
