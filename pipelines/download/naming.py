"""Where a finished video goes in the library: a path made of titles that strangers chose.

Each component is safe on every common file system, and reads like what it names.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from itertools import dropwhile
from pathlib import PurePosixPath

LONGEST = 200  # bytes, so that a number and the suffix of any companion still fit in 255
LONGEST_SHOW = 60  # bytes of the uploader's name before an episode's title
LONGEST_ID = 64  # bytes; a longer id is no help to anybody

# Windows also takes `CON .txt` and the superscript digits of Latin-1 for its devices.
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
# What Windows forbids, and what looks like a slash or a backslash.
FORBIDDEN = re.compile(r'[/\\:*?"<>|\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c]+')
# White space, and letters that only take up room.
BLANK = re.compile(r"[\s\u115f\u1160\u2800\u3164\uffa0]+")
BRACKETS = str.maketrans("[]{}", "()()")  # `[id]` is our own mark, `{tmdb-1}` is Plex's
EDGE = " .-~\u2024\u2025\ufe52\uff0e"  # hides a file, is an option or a home, or is lost on Windows
EPISODE = re.compile(r"(s[0-9]+)[ ._x-]*(e[0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Described:
    """What is known of a finished video; `upload_date` is YYYYMMDD."""

    title: str
    media_id: str
    uploader: str | None
    upload_date: str | None
    description: str | None = None
    source_url: str = ""
    duration: float | None = None


def place(what: Described, suffix: str) -> PurePosixPath:
    """The video's path below the media directory: an episode of its uploader's show, or else a film."""
    ending = re.sub(r"[^a-z0-9]", "", suffix.lower())[:10]
    ending = f".{ending}" if ending else ""
    day = uploaded(what)
    title = _words(what.title) or "untitled"
    mark = _mark(what.media_id, title)
    if is_episode(what) and day:
        show = _words(what.uploader or "")
        head = f"{shorten(show, LONGEST_SHOW)} - {day} - "
        return PurePosixPath(show, f"Season {day.year:04}", _fitted(head, title, mark) + ending)
    year = f" ({day.year:04})" if day else ""
    return PurePosixPath(_fitted("", title, year), _fitted("", title, year + mark) + ending)


def uploaded(what: Described) -> date | None:
    """The day of the upload, if a true one is known."""
    if not re.fullmatch("[0-9]{8}", what.upload_date or "", re.ASCII):
        return None
    try:
        return date.fromisoformat(what.upload_date or "")
    except ValueError:
        return None


def is_episode(what: Described) -> bool:
    """Whether the video is kept as an episode: of whose show and when must both be known."""
    return bool(_words(what.uploader or "")) and uploaded(what) is not None


def component(text: str) -> str:
    """A file name (without suffix) made of `text`; never empty, hidden, reserved or over LONGEST bytes."""
    return _component(text) or "untitled"


def shorten(text: str, limit: int) -> str:
    """`text` cut to at most `limit` bytes of UTF-8, never within a character."""
    return text.encode()[:limit].decode(errors="ignore").rstrip(EDGE)


def _component(text: str) -> str:
    plain = "".join(dropwhile(_stands_alone_badly, _plain(text)))
    plain = shorten(plain, LONGEST)
    return shorten(f"_{plain}", LONGEST) if RESERVED.match(plain) else plain


def _plain(text: str) -> str:
    """`text` without what cannot be seen or said in a file name; may be empty."""
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    seen = "".join(c for c in spaced if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn"))
    composed = unicodedata.normalize("NFC", seen).translate(BRACKETS)
    return BLANK.sub(" ", FORBIDDEN.sub("-", composed))


def _stands_alone_badly(character: str) -> bool:
    return character in EDGE or unicodedata.category(character).startswith("M")


def _words(text: str) -> str:
    """A title or name that no media server takes for the number of an episode; may be empty."""
    return _component(EPISODE.sub(r"\1, \2", _component(text)))


def _mark(media_id: str, title: str) -> str:
    """` [id]`, or nothing where the id says nothing new."""
    mark = _plain(media_id).strip(" .")
    if not mark or len(mark.encode()) > LONGEST_ID or _component(media_id) in ("", title):
        return ""
    return f" [{mark}]"


def _fitted(head: str, title: str, tail: str) -> str:
    """The three together; the title gives way where they would be too long."""
    return head + shorten(title, LONGEST - len((head + tail).encode())) + tail
