"""What is known of a video, in the XML that Kodi, Jellyfin and Plex read beside its file."""

import math
import re
from urllib.parse import urlsplit
from xml.etree import ElementTree as xml

from pipelines.download.naming import Described, is_episode, uploaded

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def nfo(what: Described) -> bytes:
    """An episode of its uploader's show, or a film, as `naming.place` has it."""
    root = xml.Element("episodedetails" if is_episode(what) else "movie")
    day = uploaded(what)
    _add(root, "title", what.title)
    if is_episode(what) and day:
        _add(root, "showtitle", what.uploader)
        _add(root, "season", str(day.year))
        _add(root, "aired", str(day))
    elif day:
        _add(root, "year", str(day.year))
        _add(root, "premiered", str(day))
    _add(root, "plot", what.description)
    _add(root, "runtime", _minutes(what.duration))
    _add(root, "uniqueid", what.media_id, type=_site(what.source_url), default="true")
    xml.indent(root)
    text: bytes = xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add(root: xml.Element, name: str, text: str | None, **attributes: str) -> None:
    """A member, if there is anything to say."""
    text = FORBIDDEN.sub("", text or "").strip()
    if text:
        xml.SubElement(root, name, attributes).text = text


def _minutes(seconds: float | None) -> str | None:
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return str(max(1, round(seconds / 60)))


def _site(address: str) -> str:
    """Where the id is one; not the address, which may hold a secret."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    return FORBIDDEN.sub("", host or "") or "web"
