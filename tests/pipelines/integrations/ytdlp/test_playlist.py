"""A window of a playlist, its nested lists, and entries that have no address of their own."""

from typing import Any

import pytest

from pipelines.integrations.ytdlp.messages import Wanted
from pipelines.integrations.ytdlp.playlist import PART, parts, window, within

PAGE = Wanted("https://example.com/list")


def entry(url: str) -> dict[str, Any]:
    return {"_type": "url", "url": url}


def video(number: int) -> dict[str, Any]:
    return entry(f"https://example.com/{number}")


@pytest.mark.parametrize(
    ("items", "first_and_last"),
    [("", (1, None)), ("3", (3, 3)), ("3:", (3, None)), (":9", (1, 9)), ("3:9", (3, 9))],
)
def test_a_window_has_a_first_and_a_last_place(items: str, first_and_last: tuple[int, int | None]) -> None:
    assert window(items) == first_and_last


def test_lists_inside_a_list_are_unfolded_and_counted_through() -> None:
    inner = {"_type": "playlist", "entries": [video(2), video(3)]}
    tab = {"_type": "url", "url": "https://example.com/tab", "ie_key": "Tab"}
    result = {"entries": [video(1), inner, None, tab]}

    def unfold(each: Any) -> dict[str, Any] | None:
        return {"entries": [video(4)]} if each.get("ie_key") else None

    found = within(result, "2:4", unfold)
    assert [(place, each["url"][-1]) for place, each in found] == [(2, "2"), (3, "3"), (4, "4")]


def test_nobody_asks_for_what_stands_behind_the_window() -> None:
    def entries() -> Any:
        yield video(1)
        yield video(2)
        raise AssertionError("asked for too much")

    assert len(list(within({"entries": entries()}, ":2", lambda each: None))) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "a video"},
        entry("ftp://example.com/a"),
        entry("https://a/" + "b" * 5000),
        entry("https://a/\ud800"),
    ],
)
def test_an_entry_without_a_usable_address_is_known_by_its_place(odd: dict[str, Any]) -> None:
    (listed,) = parts({"title": "List"}, [(7, odd)], PAGE)
    assert [(each.url, each.items) for each in listed.entries] == [(PAGE.url, "7")]


def test_words_between_extractors_are_no_part_of_an_address() -> None:
    (listed,) = parts({}, [(1, entry("https://a/b#__youtubedl_smuggle=%7B%7D"))], PAGE)
    assert listed.entries[0].url == "https://a/b"


@pytest.mark.parametrize(("most", "more"), [(5, False), (4, True)])
def test_what_is_above_the_cap_is_left_out_and_said(most: int, more: bool) -> None:
    wanted = Wanted(PAGE.url, most=most)
    (listed,) = parts({}, enumerate(map(video, range(5)), 1), wanted)
    assert (len(listed.entries), listed.more, listed.over) == (most, more, True)


def test_a_long_list_comes_in_parts() -> None:
    wanted = Wanted(PAGE.url, most=10_000)
    found = list(parts({}, enumerate(map(video, range(PART + 1)), 1), wanted))
    assert [(len(each.entries), each.over) for each in found] == [(PART, False), (1, True)]
