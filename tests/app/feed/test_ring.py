"""The ring: what it knows, what it replays, and that it only goes forward."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.feed.ring import ZERO, Cursor, Entry, Ring, Viewer, read_cursor, spell

ADMIN = Viewer(1, True, "s1", "s1")
FRIEND = Viewer(2, False, "s2", "s2")
SYSTEM = Viewer(0, True, None, "local")


def entry(
    number: int, key: str = "job:1", *, owner: str = "2", admins: bool = True, revision: int = 0
) -> Entry:
    return Entry((number, 0), owner, admins, key, revision, f"{key}@{number}".encode())


def ring_of(*entries: Entry, size: int = 5000) -> Ring:
    ring = Ring(size=size)
    for each in entries:
        ring.add(each)
    return ring


def replayed(ring: Ring, since: int, viewer: Viewer = FRIEND) -> list[bytes]:
    return [each.frame for each in ring.replay((since, 0), viewer)]


def test_a_replay_is_the_newest_entry_of_each_key_in_order() -> None:
    ring = ring_of(entry(1, "a"), entry(2, "b"), entry(3, "a"), entry(4, "c"), entry(5, "b"))
    assert replayed(ring, 1) == [b"a@3", b"c@4", b"b@5"]
    assert replayed(ring, 4) == [b"b@5"]
    assert replayed(ring, 5) == []


@pytest.mark.parametrize(
    ("owner", "admins", "seen_by"),
    [
        ("*", False, {"admin", "friend", "system", "nobody"}),
        ("2", False, {"friend"}),
        ("2", True, {"friend", "admin", "system"}),
        ("0", True, {"admin", "system"}),
        ("0", False, {"system"}),
        ("3", False, set()),
    ],
)
def test_an_entry_is_seen_by_its_owner_and_by_admins_where_it_says_so(
    owner: str, admins: bool, seen_by: set[str]
) -> None:
    nobody = Viewer(0, False, None, "x")
    viewers = {"admin": ADMIN, "friend": FRIEND, "system": SYSTEM, "nobody": nobody}
    each = entry(1, owner=owner, admins=admins)
    assert {name for name, viewer in viewers.items() if each.visible_to(viewer)} == seen_by


def test_a_replay_takes_the_newest_that_this_viewer_may_see() -> None:
    ring = ring_of(entry(1, "service:plex", owner="*"), entry(2, "service:plex", owner="1"))
    assert replayed(ring, 0, FRIEND) == [b"service:plex@1"]
    assert replayed(ring, 0, ADMIN) == [b"service:plex@2"]


def test_an_older_revision_of_a_key_is_dropped_but_its_cursor_counts() -> None:
    ring = ring_of(entry(1, revision=5))
    assert not ring.add(entry(2, revision=4))
    assert ring.newest == (2, 0)
    assert ring.add(entry(3, revision=5))
    assert ring.add(entry(4, revision=0))
    assert ring.add(entry(5, "job:2", revision=1))


def test_an_entry_that_was_already_added_is_no_news() -> None:
    ring = ring_of(entry(3))
    assert not ring.add(entry(3))
    assert not ring.add(entry(2))
    assert len(ring) == 1


def test_cursors_are_known_from_the_oldest_kept_to_the_newest() -> None:
    ring = ring_of(*(entry(number) for number in range(1, 6)), size=3)
    assert [ring.knows((number, 0)) for number in range(8)] == [
        False,
        False,
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert len(ring) == 3


def test_lost_events_make_every_older_cursor_unknown() -> None:
    ring = ring_of(entry(1), entry(2))
    ring.cut((3, 0))
    assert not ring.knows((2, 0))
    assert ring.knows((3, 0))
    ring.add(entry(4))
    assert replayed(ring, 3) == [b"job:1@4"]


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1", "1-2-3", "a-b", "1.0-2", " 1-2", "1-2\n", "٣-٤", "9" * 21 + "-0"]
)
def test_a_garbled_cursor_is_none(text: str) -> None:
    assert read_cursor(text) is None


@given(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)))
def test_a_spelled_cursor_reads_back(cursor: Cursor) -> None:
    assert read_cursor(spell(cursor)) == cursor


EVENTS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["2", "3", "*"]), st.integers(0, 6)), max_size=40
)


@given(events=EVENTS, size=st.integers(1, 20), since=st.integers(0, 45))
def test_whoever_reconnects_ends_with_what_a_constant_viewer_sees(
    events: list[tuple[str, str, int]], size: int, since: int
) -> None:
    ring = Ring(size=size)
    shown: dict[str, list[Entry]] = {}
    for number, (key, owner, revision) in enumerate(events, 1):
        each = entry(number, key, owner=owner, admins=False, revision=revision)
        if ring.add(each) and each.visible_to(FRIEND):
            shown.setdefault(key, []).append(each)
    if not ring.knows((since, 0)):
        assert since < len(events) - size + 1 or since > len(events)
        return
    replay = ring.replay((since, 0), FRIEND)
    expected = {key: seen[-1] for key, seen in shown.items() if seen[-1].cursor > (since, 0)}
    assert {each.key: each for each in replay} == expected
    assert len(replay) == len(expected)
    assert [each.cursor for each in replay] == sorted(each.cursor for each in replay)


@given(events=EVENTS, size=st.integers(1, 5))
def test_the_ring_stays_within_its_size(events: list[tuple[str, str, int]], size: int) -> None:
    ring = ring_of(
        *(entry(number, key, revision=revision) for number, (key, _, revision) in enumerate(events, 1)),
        size=size,
    )
    assert len(ring) <= size
    assert ring.floor <= ring.newest
    assert events or ring.newest == ZERO
