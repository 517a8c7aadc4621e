import subprocess
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from yt_dlp import DownloadError

from pipelines.integrations.ytdlp.programs import find_ffmpeg
from tests.standins.canary import Canary
from tests.standins.conftest import Fetch
from tests.standins.video_site import VideoSite


def text(site: VideoSite, path: str) -> str:
    with urlopen(site.url(path), timeout=20) as answer:
        return str(answer.read().decode())


def complaints(file: Path) -> str:
    """What ffmpeg says about a file when it decodes all of it."""
    command = [str(find_ffmpeg()), "-v", "error", "-i", str(file), "-f", "null", "-"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stderr


def test_encrypted_segments_become_a_film(site: VideoSite, fetch: Fetch) -> None:
    [file] = fetch(site.url("/hls/encrypted.m3u8"))
    assert file.stat().st_size > 1_000_000
    assert complaints(file) == ""
    assert site.file("/hls/encrypted00.ts").read_bytes() != site.file("/hls/segment00.ts").read_bytes()


def test_the_query_also_reaches_the_key(site: VideoSite) -> None:
    assert 'URI="key.bin?only=key"' in text(site, "/hls/encrypted.m3u8?only=key")


def test_a_missing_middle_segment_is_an_error(site: VideoSite, fetch: Fetch) -> None:
    with pytest.raises(DownloadError, match="HTTP Error 404"):
        fetch(site.url("/hls/hole.m3u8"))


@pytest.mark.parametrize(
    "query",
    [
        "/hls/custom.m3u8?segment={site}/hls/segment01.ts",
        "/hls/custom.m3u8?key={site}/hls/key.bin",
        "/hls/custom.m3u8?nested={site}/hls/media.m3u8",
        "/dash/custom.mpd?base={site}/dash/",
    ],
)
def test_a_playlist_of_good_addresses_downloads(site: VideoSite, fetch: Fetch, query: str) -> None:
    assert [file.name for file in fetch(site.url(query.format(site=site.base)))] == ["media.mp4"]


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("segment={}", "{}"),
        ("key={}", '#EXT-X-KEY:METHOD=AES-128,URI="{}",IV=0x'),
        ("method=SAMPLE-AES&key={}", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="{}",IV=0x'),
        ("map={}", '#EXT-X-MAP:URI="{}"'),
        ("nested={}", "{}"),
    ],
)
def test_a_playlist_names_any_address_ended_or_live(site: VideoSite, query: str, line: str) -> None:
    address = "http://[::ffff:127.0.0.1]:1/a?b=1&c=2"
    asked = f"/hls/custom.m3u8?{query.format(quote(address, safe=''))}"
    assert "\n" + line.format(address) in text(site, asked)
    live = text(site, f"{asked}&live=1")
    assert "\n" + line.format(address) in live
    assert "#EXT-X-ENDLIST" not in live


def test_a_client_without_guard_reaches_the_canary(site: VideoSite, fetch: Fetch) -> None:
    with Canary() as canary:
        fetch(site.url(f"/hls/custom.m3u8?segment={canary.url('/segment.ts')}"))
        assert canary.paths == ["/segment.ts", "/segment.ts"]
