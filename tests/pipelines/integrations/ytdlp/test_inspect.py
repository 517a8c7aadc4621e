import importlib.util
import sys
from pathlib import Path

import pytest

from pipelines.integrations.ytdlp.inspect import NotPlayable, inspect
from pipelines.integrations.ytdlp.programs import find_ffprobe, find_programs
from tests.standins.video_site import VideoSite

# Each way to look at a file that this machine has; None stands for the av wheel.
FFPROBE = find_programs().ffprobe
WAYS = ([FFPROBE] if FFPROBE else []) + ([None] if importlib.util.find_spec("av") else [])


@pytest.fixture(params=WAYS, ids=["ffprobe" if way else "av" for way in WAYS])
def ffprobe(request: pytest.FixtureRequest) -> str | None:
    way: str | None = request.param
    return way


def word(file: Path, ffprobe: str | None) -> str:
    with pytest.raises(NotPlayable) as refused:
        inspect(file, ffprobe)
    return refused.value.word


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("small.mp4", {"video", "audio"}), ("audio.m4a", {"audio"}), ("hls/segment00.ts", {"video"})],
)
def test_media_says_its_streams_and_duration(
    site: VideoSite, ffprobe: str | None, name: str, kinds: set[str]
) -> None:
    found = inspect(site.file(name), ffprobe)
    assert found.kinds >= kinds
    assert found.duration
    assert found.duration == pytest.approx(2 if "segment" in name else 20, abs=0.3)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_file_that_lost_its_end_is_incomplete(
    site: VideoSite, tmp_path: Path, ffprobe: str | None, kept: float
) -> None:
    whole = site.file("/large.mp4").read_bytes()
    file = tmp_path / "media.mp4"
    file.write_bytes(whole[: int(len(whole) * kept)])
    assert word(file, ffprobe) == "incomplete"


def test_a_file_that_lost_its_start_is_no_media(site: VideoSite, tmp_path: Path, ffprobe: str | None) -> None:
    file = tmp_path / "media.mp4"
    file.write_bytes(site.file("/large.mp4").read_bytes()[500_000:1_500_000])
    assert word(file, ffprobe) == "not_media"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html><body>Not here</body></html>",
        b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    ],
)
def test_texts_are_no_media(tmp_path: Path, ffprobe: str | None, text: bytes) -> None:
    file = tmp_path / "media.mp4"
    file.write_bytes(text)
    assert word(file, ffprobe) == "not_media"


def test_a_playlist_of_files_that_exist_is_no_media(site: VideoSite, ffprobe: str | None) -> None:
    assert word(site.file("/hls/media.m3u8"), ffprobe) == "not_media"


def test_a_picture_is_no_media(site: VideoSite, ffprobe: str | None) -> None:
    assert word(site.file("/picture.jpg"), ffprobe) == "not_media"


def test_without_any_way_to_look_nothing_is_accepted(
    site: VideoSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert word(site.file("/small.mp4"), None) == "no_probe"


def test_ffprobe_is_also_found_beside_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    (tmp_path / "ffprobe").touch()
    assert find_ffprobe(str(tmp_path / "ffmpeg")) == str(tmp_path / "ffprobe")
    assert find_ffprobe(None) is None
