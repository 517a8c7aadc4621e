"""The feeds of the video site: RSS as long as wanted."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.standins.video_behaviour import Asked

FEED_TITLE = "Harbour Films, all of it"
FEED_WORDS = frozenset({"items", "title", "guid", "address", "dates"})
NEWEST = datetime(2026, 6, 1, 12, tzinfo=UTC)

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def enclosures(asked: Asked) -> str:
    """A podcast: each item is a file."""
    return _feed(
        asked, "/small.mp4", lambda address: f'<enclosure url="{address}" type="video/mp4" length="1"/>'
    )


def links(asked: Asked) -> str:
    """A news feed: each item links to the page of a video."""
    return _feed(asked, "/watch/small.mp4", lambda address: f"<link>{address}</link>")


def _feed(asked: Asked, path: str, place: Callable[[str], str]) -> str:
    """Items from 1 to `items`, newest first; `address` takes the place of the second one's.

    yt-dlp needs half a millisecond for each date: `dates=0` leaves them out.
    """
    title, guid = _text(asked.word("title", "Entry {}")), _text(asked.word("guid", "entry-{}"))
    rest, dated = asked.handed_on(FEED_WORDS), asked.word("dates") != "0"
    start, end = f"{asked.base}{path}?entry=", html.escape(f"&{rest}" if rest else "")
    items = []
    for number in range(1, int(asked.word("items", "3")) + 1):
        address = f"{start}{number}{end}"
        if number == 2 and asked.word("address"):
            address = html.escape(asked.word("address"))
        date = format_datetime(NEWEST - timedelta(days=number - 1), usegmt=True)
        items.append(
            f"<item><guid>{guid.replace('{}', str(number))}</guid>"
            f"<title>{title.replace('{}', str(number))}</title>"
            f"{f'<pubDate>{date}</pubDate>' if dated else ''}{place(address)}</item>"
        )
    channel = f"<title>{FEED_TITLE}</title><link>{asked.base}/</link>{''.join(items)}"
    return f'<?xml version="1.0"?>\n<rss version="2.0"><channel>{channel}</channel></rss>\n'


def _text(words: str) -> str:
    """Escaped, without the characters that XML cannot carry."""
    return html.escape(_NOT_IN_XML.sub("", words))
