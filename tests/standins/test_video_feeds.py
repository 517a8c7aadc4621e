from urllib.parse import quote
from urllib.request import urlopen
from xml.etree import ElementTree

import pytest

from tests.standins.conftest import Read
from tests.standins.video_feeds import FEED_TITLE
from tests.standins.video_site import VideoSite


def test_a_feed_is_as_long_as_wanted(site: VideoSite) -> None:
    with urlopen(site.url("/rss.xml?items=20000&rate=9"), timeout=20) as answer:
        feed = ElementTree.fromstring(answer.read())
    addresses = [enclosure.attrib["url"] for enclosure in feed.iter("enclosure")]
    assert len(set(addresses)) == 20_000
    assert addresses[16] == site.url("/small.mp4?entry=17&rate=9")


@pytest.mark.parametrize("dates", ["", "&dates=0"])
def test_a_feed_is_a_playlist(site: VideoSite, read: Read, dates: str) -> None:
    facts = read(site.url(f"/rss.xml?items=20{dates}"), extract_flat="in_playlist")
    assert facts["title"] == FEED_TITLE
    entries = facts["entries"]
    assert [entry["title"] for entry in entries] == [f"Entry {number}" for number in range(1, 21)]
    assert entries[16]["url"].startswith(site.url("/small.mp4?entry=17#"))
    assert [entry["timestamp"] is None for entry in entries] == [bool(dates)] * 20


def test_the_items_of_a_feed_may_be_pages(site: VideoSite, read: Read) -> None:
    facts = read(site.url("/feed/links.xml?items=2&uploader=Else"))
    told = [(one["id"], one["title"], one["uploader"], one["url"]) for one in facts["entries"]]
    assert told == [
        ("entry-1", "Entry 1", "Else", site.url("/small.mp4?entry=1")),
        ("entry-2", "Entry 2", "Else", site.url("/small.mp4?entry=2")),
    ]


def test_items_carry_any_title_and_id_and_one_any_address(site: VideoSite, read: Read) -> None:
    address = quote(site.url("/audio.m4a?x=1&y=2"), safe="")
    facts = read(site.url(f"/rss.xml?title=a/%3Cb%3E&guid=../{{}}&address={address}"))
    assert [(one["id"], one["title"]) for one in facts["entries"]] == [
        (f"../{number}", "a/<b>") for number in (1, 2, 3)
    ]
    assert [one["ext"] for one in facts["entries"]] == ["mp4", "m4a", "mp4"]
