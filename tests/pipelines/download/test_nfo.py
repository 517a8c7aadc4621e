"""What is known of a video is written in XML that any reader takes, whatever strangers wrote."""

from dataclasses import replace
from xml.etree import ElementTree as xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.download.naming import Described
from pipelines.download.nfo import nfo

EPISODE = Described(
    "Tea & <b>cake</b>", "dQw4", "Ada", "20260601", "Two\nlines", "https://video.example/w?key=secret", 89.0
)


def members(text: bytes) -> dict[str, str | None]:
    return {member.tag: member.text for member in xml.fromstring(text)}


def test_an_episode_says_its_show_season_and_day() -> None:
    text = nfo(EPISODE)
    assert xml.fromstring(text).tag == "episodedetails"
    assert members(text) == {
        "title": "Tea & <b>cake</b>",
        "showtitle": "Ada",
        "season": "2026",
        "aired": "2026-06-01",
        "plot": "Two\nlines",
        "runtime": "1",
        "uniqueid": "dQw4",
    }


def test_a_film_says_its_year_if_that_is_known() -> None:
    film = nfo(replace(EPISODE, uploader=None))
    assert xml.fromstring(film).tag == "movie"
    assert members(film)["year"] == "2026" and members(film)["premiered"] == "2026-06-01"
    bare = nfo(Described("Film", "x1", "Ada", None))
    assert members(bare) == {"title": "Film", "uniqueid": "x1"}


def test_an_id_is_one_of_its_site_and_the_address_stays_untold() -> None:
    assert b'type="video.example"' in nfo(EPISODE) and b"secret" not in nfo(EPISODE)
    assert b'type="web"' in nfo(replace(EPISODE, source_url="http://[broken"))


@pytest.mark.parametrize("duration", [None, 0.0, -5.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_left_out(duration: float | None) -> None:
    assert "runtime" not in members(nfo(replace(EPISODE, duration=duration)))


@given(st.text(st.characters()), st.text(st.characters()), st.none() | st.text(st.characters()))
def test_any_text_makes_readable_xml(title: str, address: str, uploader: str | None) -> None:
    xml.fromstring(nfo(Described(title, title, uploader, "20260601", title, f"https://{address}/")))
