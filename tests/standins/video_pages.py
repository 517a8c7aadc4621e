"""What the video site says in words: its pages and its playlists, rewritten for each request."""

import html
import json
import re
from pathlib import Path

from tests.standins.media import SECONDS

SEGMENT_SECONDS = 2
LIVE_WINDOW = 5
UPLOADER = "Harbour Films"

_PLAIN = "<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"


def index(paths: list[str]) -> str:
    links = "".join(f'<li><a href="{path}">{path}</a></li>' for path in paths)
    return _PLAIN.format(title="Video site", body=f"<ul>{links}</ul>")


def plain() -> str:
    """A page with nothing to download."""
    return _PLAIN.format(title="A plain page", body="<p>Nothing moves here.</p>")


def several(base: str) -> str:
    """A page with two videos."""
    videos = f'<video src="{base}/small.mp4"></video><video src="{base}/large.mp4"></video>'
    return _PLAIN.format(title="Two videos", body=videos)


def watch(content_url: str, name: str) -> str:
    """A page about one video, described for machines (schema.org VideoObject)."""
    described = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": f"The {name} film",
        "description": "Colours and a tone.",
        "uploadDate": "2026-06-01T12:00:00+00:00",
        "duration": f"PT{SECONDS}S",
        "author": {"@type": "Person", "name": UPLOADER},
        "contentUrl": content_url,
    }
    script = json.dumps(described).replace("</", "<\\/")
    body = f'<script type="application/ld+json">{script}</script><h1>{html.escape(name)}</h1>'
    return _PLAIN.format(title=f"The {html.escape(name)} film", body=body)


def with_query(playlist: Path, query: str) -> str:
    """The playlist, each address in it carrying the request's query, so that faults reach segments."""
    text = playlist.read_text()
    if not query:
        return text
    if playlist.suffix == ".mpd":
        escaped = html.escape(f"?{query}")
        return re.sub(r'\.m4s"', lambda _: f'.m4s{escaped}"', text)
    lines = (line if line.startswith("#") or not line else f"{line}?{query}" for line in text.splitlines())
    return "\n".join(lines) + "\n"


def live(elapsed: float, segments: int, query: str) -> str:
    """A playlist that never ends: a window over the recorded segments, played round and round."""
    first = int(elapsed // SEGMENT_SECONDS)
    head = (
        f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{SEGMENT_SECONDS}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    )
    lines = []
    for number in range(first, first + LIVE_WINDOW):
        if number % segments == 0:
            lines.append("#EXT-X-DISCONTINUITY")
        address = f"../hls/segment{number % segments:02d}.ts"
        lines += [f"#EXTINF:{SEGMENT_SECONDS}.000000,", address + (f"?{query}" if query else "")]
    return head + "\n".join(lines) + "\n"
