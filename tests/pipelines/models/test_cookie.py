"""Lent cookies: unreadable in the table, tied to their row, and found for the hosts below theirs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.database import change, query
from pipelines.errors import GiveUp
from pipelines.models.cookie import Cookie, cookies_for, delete, host_name, hosts_of, put, reach

CANARY = "# Netscape HTTP Cookie File\n.example.com\tTRUE\t/\tTRUE\t0\tsession\thunter2-canary\n"


@pytest.fixture
def ann(home: object) -> int:
    return account("ann")


@pytest.fixture
def bob(home: object) -> int:
    return account("bob")


def account(name: str) -> int:
    rows = change(
        "INSERT INTO account (name, password_hash, role, created_at) VALUES (%s, '', 'user', NOW) RETURNING id",
        name,
    )
    return int(rows[0]["id"])


def test_what_was_put_is_found_and_the_row_says_nothing_of_it(ann: int) -> None:
    put(ann, "example.com", CANARY)
    assert cookies_for(ann, "example.com") == CANARY
    row: Any = Cookie.select().dicts().get()
    assert (row["account"], row["host"]) == (ann, "example.com")
    assert "hunter2" not in str(row) and "session" not in str(row)


def test_a_second_text_for_a_host_replaces_the_first(ann: int) -> None:
    put(ann, "example.com", "first")
    change("UPDATE cookie SET created_at = 1")
    put(ann, "example.com", "second")
    assert cookies_for(ann, "example.com") == "second"
    (row,) = hosts_of(ann)
    assert row["host"] == "example.com" and row["created_at"] > 1


def test_a_row_moved_to_another_person_or_host_does_not_open(ann: int, bob: int) -> None:
    put(ann, "example.com", CANARY)
    for column, value in (("account_id", bob), ("host", "example.org")):
        change(f"UPDATE cookie SET {column} = %s", value)
        with pytest.raises(GiveUp) as refused:
            cookies_for(**{"account_id": ann, "host": "example.com", column: value})  # type: ignore[arg-type]
        assert "hunter2" not in str(refused.value)
        change("UPDATE cookie SET account_id = %s, host = 'example.com'", ann)
    assert cookies_for(ann, "example.com") == CANARY


def test_a_swapped_text_does_not_open(ann: int, bob: int) -> None:
    put(ann, "example.com", "of ann")
    put(bob, "example.com", "of bob")
    change(
        "UPDATE cookie SET sealed = (SELECT sealed FROM cookie WHERE account_id = %s) WHERE account_id = %s",
        *(ann, bob),
    )
    with pytest.raises(GiveUp):
        cookies_for(bob, "example.com")
    assert cookies_for(ann, "example.com") == "of ann"


def test_the_nearest_domain_above_counts_and_none_beside_or_below(ann: int) -> None:
    put(ann, "example.com", "domain")
    put(ann, "video.example.com", "video")
    asked = {
        "example.com": "domain",
        "www.example.com": "domain",
        "Video.Example.com.": "video",
        "cdn.video.example.com": "video",
        "otherexample.com": None,
        "example.org": None,
        "com": None,
        "": None,
        "not a host": None,
    }
    assert {host: cookies_for(ann, host) for host in asked} == asked


def test_a_top_level_domain_is_never_asked_for(ann: int) -> None:
    put(ann, "com", "everything")
    assert cookies_for(ann, "example.com") is None


def test_an_address_has_nothing_above_it(ann: int) -> None:
    put(ann, "127.0.0.1", "here")
    put(ann, "0.1", "nowhere")
    assert cookies_for(ann, "127.0.0.1") == "here"
    assert cookies_for(ann, "127.0.0.2") is None
    assert cookies_for(ann, "10.0.0.1") is None


def test_nobody_finds_or_deletes_what_somebody_else_lends(ann: int, bob: int) -> None:
    put(ann, "example.com", CANARY)
    assert cookies_for(bob, "example.com") is None
    assert hosts_of(bob) == []
    assert not delete(bob, "example.com")
    assert delete(ann, "example.com")
    assert not delete(ann, "example.com")
    assert cookies_for(ann, "example.com") is None


def test_a_persons_cookies_go_with_the_account(ann: int) -> None:
    put(ann, "example.com", CANARY)
    change("DELETE FROM account WHERE id = %s", ann)
    assert query("SELECT * FROM cookie") == []


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Example.COM", "example.com"),
        ("www.example.com.", "www.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a_b.example.com", "a_b.example.com"),
        ("192.0.2.1", "192.0.2.1"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert host_name(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "com", "localhost", ".example.com", "example..com", "-a.example", "a-.example"),
        *("example.com:443", "user@example.com", "example.com/path", "http://example.com", "*.example.com"),
        *("exa mple.com", "example.com\n", "exam\x00ple.com", "example.com\u202e", "\ud800.com", "[::1]"),
        *("192.0.2.256", "192.0.2", "010.0.0.1", "1.2.3.4.5", "a" * 64 + ".example", "a." * 127 + "example"),
    ],
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert host_name(text) is None


@given(st.text() | st.text("aé.-_0ß。", max_size=300))
def test_any_text_is_a_host_in_its_one_spelling_or_none(text: str) -> None:
    host = host_name(text)
    if host is not None:
        assert host_name(host) == host and host == host.lower() and host.isascii() and len(host) <= 253
        assert all(part == host or host.endswith(f".{part}") for part in reach(host))
        assert all("." in part for part in reach(host))
