"""The pages of the video site: each describes its videos in another way that sites use."""

import html
import json
import re
from pathlib import PurePosixPath

from tests.standins.media import SECONDS
from tests.standins.video_behaviour import Asked

UPLOADER = "Harbour Films"
UPLOADED = "2026-06-01T12:00:00+00:00"
CHAPTERS = (("Start", 0, 5), ("Middle", 5, 15), ("End", 15, SECONDS))
PAGE_WORDS = frozenset(
    {"title", "uploader", "date", "description", "thumbnail", "thumb_url", "chapters", "content", "tracks"}
)

_PLAIN = "<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"
_NAMED_FILE = re.compile(r"(.+?\.(?:mp4|m4a|m3u8|mpd|jpg))(?:/.*)?")


def index(asked: Asked) -> str:
    paths = ["/watch/small.mp4", "/watch/large.mp4", "/large.mp4?rate=400000", "/html5.html",
             "/og/small.mp4", "/rss.xml", "/hls/master.m3u8", "/hls/encrypted.m3u8",
             "/dash/manifest.mpd", "/live/media.m3u8"]  # fmt: skip
    links = "".join(f'<li><a href="{path}">{path}</a></li>' for path in paths)
    return _PLAIN.format(title="Video site", body=f"<ul>{links}</ul>")


def plain(asked: Asked) -> str:
    """A page with nothing to download."""
    return _PLAIN.format(title="A plain page", body="<p>Nothing moves here.</p>")


def several(asked: Asked) -> str:
    """A page with two videos."""
    sources = (html.escape(_link(asked, path)) for path in ("/small.mp4", "/large.mp4"))
    return _PLAIN.format(title="Two videos", body="".join(f'<video src="{one}"></video>' for one in sources))


def watch(asked: Asked) -> str:
    """A page about one video, described for machines (schema.org VideoObject)."""
    described: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "name": _title(asked),
        "description": asked.word("description", "Colours and a tone."),
        "uploadDate": asked.word("date", UPLOADED),
        "duration": f"PT{SECONDS}S",
        "author": {"@type": "Person", "name": asked.word("uploader", UPLOADER)},
        "contentUrl": _content(asked),
    }
    if asked.word("thumbnail") or asked.word("thumb_url"):
        described["thumbnailUrl"] = _thumbnail(asked)
    if asked.word("chapters"):
        described["hasPart"] = [
            {"@type": "Clip", "name": name, "startOffset": start, "endOffset": end}
            for name, start, end in CHAPTERS
        ]
    script = json.dumps(described).replace("<", "\\u003c")
    title = html.escape(_title(asked))
    body = f'<script type="application/ld+json">{script}</script><h1>{title}</h1>'
    return _PLAIN.format(title=title, body=body)


def open_graph(asked: Asked) -> str:
    """A page that tells about its video in Open Graph tags only; the file is then fetched straight."""
    told = {"title": _title(asked), "video": _content(asked), "image": _thumbnail(asked)}
    tags = (f'<meta property="og:{name}" content="{html.escape(word)}">\n' for name, word in told.items())
    return f"<!doctype html><html><head>\n{''.join(tags)}</head><body></body></html>"


def html5(asked: Asked) -> str:
    """A player with two qualities, subtitles in two languages and a poster; `content` is the better one."""
    large = asked.word("content") or _link(asked, "/large.mp4")
    english = asked.word("tracks") or _link(asked, "/subs/en.vtt")
    sources = ((_link(asked, "/small.mp4"), "180p"), (large, "360p"))
    tracks = ((english, "en"), (_link(asked, "/subs/de.vtt"), "de"))
    inside = [f'<source src="{html.escape(address)}" label="{label}">' for address, label in sources]
    inside += [
        f'<track kind="subtitles" srclang="{language}" src="{html.escape(address)}">'
        for address, language in tracks
    ]
    player = f'<video poster="{html.escape(_thumbnail(asked))}">{"".join(inside)}</video>'
    return _PLAIN.format(title=html.escape(asked.word("title", "The film in two sizes")), body=player)


def _file(asked: Asked) -> str:
    """The file that a page is about; what comes behind its name is the id that clients see."""
    name = asked.path.split("/", 2)[2]
    found = _NAMED_FILE.fullmatch(name)
    return found[1] if found else name


def _title(asked: Asked) -> str:
    return asked.word("title", f"The {PurePosixPath(_file(asked)).stem} film")


def _link(asked: Asked, path: str) -> str:
    return asked.link(path, PAGE_WORDS)


def _content(asked: Asked) -> str:
    return asked.word("content") or _link(asked, f"/{_file(asked)}")


def _thumbnail(asked: Asked) -> str:
    return asked.word("thumb_url") or _link(asked, "/picture.jpg")
