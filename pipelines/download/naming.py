"""File names from titles that strangers chose: one component, safe on every common file system."""

import re
import unicodedata

LONGEST = 200  # bytes, so that suffixes and companions beside the file still fit in 255
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
FORBIDDEN = re.compile(r'[/\\:*?"<>|]+')


def component(text: str) -> str:
    """A file name (without suffix) made of `text`; never empty, hidden, reserved or over LONGEST bytes."""
    text = unicodedata.normalize("NFC", text)
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    visible = "".join(c for c in visible if unicodedata.category(c) not in ("Cf", "Cs", "Co", "Cn"))
    plain = re.sub(r"\s+", " ", FORBIDDEN.sub("-", visible)).strip(" .-_~")
    plain = shorten(plain, LONGEST)
    if RESERVED.match(plain):
        plain = f"_{plain}"
    return plain or "untitled"


def shorten(text: str, limit: int) -> str:
    """`text` cut to at most `limit` bytes of UTF-8, never within a character."""
    return text.encode()[:limit].decode(errors="ignore").rstrip(" .")


def file_name(title: str, media_id: str, suffix: str) -> str:
    """`Title [id].mp4`; the id is left out where it says nothing new. `suffix` begins with a dot."""
    ending = re.sub(r"[^.a-z0-9]", "", suffix.lower())
    name = component(title)
    mark = component(media_id)
    if mark not in ("untitled", name) and len(mark.encode()) <= 64:
        name = f"{shorten(name, LONGEST - len(mark.encode()) - 3)} [{mark}]"
    return name + ending
