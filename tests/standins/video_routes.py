"""Which address of the video site is which text."""

import time
from pathlib import Path

from tests.standins import video_feeds, video_pages, video_playlists
from tests.standins.video_backstage import Backstage
from tests.standins.video_behaviour import Asked

_ALONE = {"/": video_pages.index, "/plain.html": video_pages.plain}
_HANDING_ON = {
    "/several.html": video_pages.several,
    "/html5.html": video_pages.html5,
    "/rss.xml": video_feeds.enclosures,
    "/feed/links.xml": video_feeds.links,
}
_ABOUT_A_FILE = {"watch": video_pages.watch, "og": video_pages.open_graph}

TYPES = {
    ".mp4": "video/mp4", ".m4a": "audio/mp4", ".m4s": "video/iso.segment", ".ts": "video/mp2t",
    ".jpg": "image/jpeg", ".vtt": "text/vtt", ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml", ".xml": "application/rss+xml", ".html": "text/html; charset=utf-8",
}  # fmt: skip


def hands_on(path: str) -> bool:
    """Whether it is a page whose query is for the media it names."""
    return path in _HANDING_ON or _room(path) in _ABOUT_A_FILE


def kind(path: str) -> str:
    """The Content-Type of a text or a file."""
    if path == "/" or _room(path) in _ABOUT_A_FILE:
        return TYPES[".html"]
    return TYPES.get(Path(path).suffix, "application/octet-stream")


def written(asked: Asked, site: Backstage) -> str | None:
    """The text of a page or playlist; None if the path names neither."""
    path = asked.path
    page = _ALONE.get(path) or _HANDING_ON.get(path) or _ABOUT_A_FILE.get(_room(path))
    return page(asked) if page else _playlist(asked, site)


def _room(path: str) -> str:
    return path.lstrip("/").partition("/")[0]


def _playlist(asked: Asked, site: Backstage) -> str | None:
    elapsed = time.monotonic() - site.started
    match asked.path:
        case "/live/media.m3u8":
            return video_playlists.live(elapsed, asked)
        case "/hls/custom.m3u8":
            return video_playlists.custom(elapsed, asked)
        case "/hls/hole.m3u8":
            return video_playlists.hole(site.media, asked)
        case "/dash/custom.mpd":
            return video_playlists.custom_dash(site.media, asked)
    file = site.file(asked.path)
    is_recorded = file.suffix in (".m3u8", ".mpd") and ".." not in asked.path and file.is_file()
    return video_playlists.recorded(file, asked) if is_recorded else None
