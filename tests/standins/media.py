"""The media that the video site serves: made by ffmpeg once for each machine, then reused."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipelines.integrations.ytdlp.programs import find_ffmpeg

# Change it when the recipes change; older material is then left behind in the temporary folder.
EDITION = 3
SECONDS = 20
KEY = bytes(range(16))
IV = "4d65646961204e657374204d65646961"

_PICTURE = ["-f", "lavfi", "-i", f"testsrc=size=320x180:rate=25:duration={SECONDS}"]
_NOISE = ["-f", "lavfi", "-i", f"testsrc=size=640x360:rate=25:duration={SECONDS},noise=alls=40:allf=t"]
_TONE = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=44100:duration={SECONDS}"]
# A key frame each second, so that segments can be cut at any second.
_CODECS = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    "-g",
    "25",
    "-c:a",
    "aac",
    "-b:a",
    "96k",
]
_COPY = ["-i", "small.mp4", "-c", "copy"]

RECIPES: tuple[list[str], ...] = (
    [*_PICTURE, *_TONE, *_CODECS, "-b:v", "350k", "-movflags", "+faststart", "small.mp4"],
    [*_NOISE, *_TONE, *_CODECS, "-b:v", "5M", "-movflags", "+faststart", "large.mp4"],
    ["-i", "small.mp4", "-vn", "-c", "copy", "audio.m4a"],
    ["-i", "small.mp4", "-frames:v", "1", "-update", "1", "picture.jpg"],
    [
        *_COPY,
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_playlist_type",
        "vod",
        "-hls_segment_filename",
        "hls/segment%02d.ts",
        "hls/media.m3u8",
    ],
    [
        *_COPY,
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_playlist_type",
        "vod",
        "-hls_key_info_file",
        "key.info",
        "-hls_segment_filename",
        "hls/encrypted%02d.ts",
        "hls/encrypted.m3u8",
    ],
    [
        *_COPY,
        "-f",
        "dash",
        "-seg_duration",
        "2",
        "-use_template",
        "1",
        "-use_timeline",
        "1",
        "dash/manifest.mpd",
    ],
)

_MASTER = """#EXTM3U
#EXT-X-VERSION:3
#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x180,CODECS="avc1.42c00d,mp4a.40.2"
media.m3u8
"""
_SUBTITLES = {
    "en": "WEBVTT\n\n00:00.000 --> 00:05.000\nA tone begins.\n\n00:05.000 --> 00:20.000\nIt goes on.\n",
    "de": "WEBVTT\n\n00:00.000 --> 00:05.000\nEin Ton beginnt.\n\n00:05.000 --> 00:20.000\nEr hält an.\n",
}


def media_directory() -> Path:
    """The folder with all media; made at the first call, a few seconds."""
    place = Path(tempfile.gettempdir()) / f"video-site-{os.getuid()}-{EDITION}"
    if place.is_dir() and place.stat().st_uid == os.getuid():
        return place
    making = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    try:
        _make(making)
        # Two runs may be at it: the first to rename wins, the other uses what it finds.
        making.rename(place)
    except OSError:
        if not place.is_dir():
            raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return place


def _make(folder: Path) -> None:
    for name in ("hls", "dash", "subs"):
        (folder / name).mkdir()
    (folder / "hls/key.bin").write_bytes(KEY)
    (folder / "key.info").write_text(f"key.bin\nhls/key.bin\n{IV}\n")
    for language, text in _SUBTITLES.items():
        (folder / f"subs/{language}.vtt").write_text(text, encoding="utf-8")
    ffmpeg = find_ffmpeg()
    if ffmpeg is None:
        raise RuntimeError("the video site needs ffmpeg, or the imageio-ffmpeg wheel")
    for recipe in RECIPES:
        command = [ffmpeg, "-nostdin", "-v", "error", "-y", *recipe]
        subprocess.run(command, cwd=folder, check=True, timeout=120)
    (folder / "hls" / "master.m3u8").write_text(_MASTER)
