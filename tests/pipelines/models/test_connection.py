"""How services are reached: the environment's first values, what was stored instead, and what the rows give away."""

import pytest

from config.database import change, query
from config.settings import settings
from pipelines.models.connection import NAMES, connection, first, note_identity, outlines, store

CANARY = "canary-of-a-token"
URL = "http://plex.example:32400"


@pytest.fixture
def environment(home: object, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """PLEX_URL and PLEX_TOKEN are set; `say` of a test changes them."""
    say(monkeypatch, PLEX_URL=URL, PLEX_TOKEN=CANARY)
    return monkeypatch


def say(environment: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    settings.cache_clear()


def test_nothing_is_connected_by_itself(home: object) -> None:
    for name in NAMES:
        found = connection(name)
        assert (found.url, found.secret, found.identity, found.sealed) == (None, None, None, False)
    assert not any(outline.url or outline.has_secret for outline in outlines().values())


def test_a_service_that_cannot_be_set_has_no_connection(home: object) -> None:
    with pytest.raises(KeyError):
        connection("disk")


def test_the_environment_gives_first_values_and_a_row_wins(environment: pytest.MonkeyPatch) -> None:
    assert (connection("plex").url, connection("plex").secret) == (URL, CANARY)
    assert outlines()["plex"].url == URL and outlines()["plex"].has_secret
    store("plex", "http://other.example", None, None)
    say(environment, PLEX_URL="http://third.example")
    assert (connection("plex").url, connection("plex").secret) == ("http://other.example", None)
    assert outlines()["plex"].url == "http://other.example" and not outlines()["plex"].has_secret
    assert first("plex").url == "http://third.example"


def test_a_service_can_be_disconnected_whatever_the_environment_says(environment: pytest.MonkeyPatch) -> None:
    store("plex", None, "a secret without a place", "machine")
    found = connection("plex")
    assert (found.url, found.secret, found.identity) == (None, None, None)
    assert outlines()["plex"].url is None and not outlines()["plex"].has_secret
    (row,) = query("SELECT url, secret, identity FROM connection")
    assert set(row.values()) == {None}


def test_a_secret_without_an_address_is_none(home: object, monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, PLEX_TOKEN=CANARY)
    assert connection("plex").secret is None and not outlines()["plex"].has_secret


def test_what_is_stored_is_found_and_the_row_says_nothing_of_it(home: object) -> None:
    store("overseerr", "http://o.example", CANARY, None)
    found = connection("overseerr")
    assert (found.url, found.secret) == ("http://o.example", CANARY)
    assert CANARY not in repr(found) and CANARY not in str(query("SELECT * FROM connection"))
    assert outlines()["overseerr"].has_secret


def test_a_swapped_or_changed_secret_does_not_open_and_is_said_to_be_there(
    home: object, capfd: pytest.CaptureFixture[str]
) -> None:
    store("plex", URL, CANARY, None)
    store("overseerr", "http://o.example", "another", None)
    change("UPDATE connection SET secret = (SELECT secret FROM connection WHERE name = 'plex')")
    assert connection("plex").secret == CANARY
    found = connection("overseerr")
    assert (found.url, found.secret, found.sealed) == ("http://o.example", None, True)
    assert outlines()["overseerr"].has_secret
    assert CANARY not in "".join(capfd.readouterr())


def test_an_identity_is_noted_once_and_another_one_only_stored(home: object) -> None:
    store("plex", URL, CANARY, None)
    note_identity("plex", "machine1")
    note_identity("plex", "machine2")
    assert connection("plex").identity == "machine1"
    assert connection("plex").secret == CANARY
    store("plex", URL, CANARY, "machine2")
    assert connection("plex").identity == "machine2"


def test_an_identity_is_not_noted_for_an_address_that_changed_meanwhile(
    environment: pytest.MonkeyPatch,
) -> None:
    note_identity("plex", "machine1", "http://before.example")
    assert connection("plex").identity is None
    store("plex", URL, None, None)
    note_identity("plex", "machine1", "http://before.example")
    assert connection("plex").identity is None
    note_identity("plex", "machine1", URL)
    assert connection("plex").identity == "machine1"


def test_a_disconnected_service_has_no_identity(home: object) -> None:
    note_identity("plex", "machine1")
    assert query("SELECT * FROM connection") == []
    store("plex", None, None, None)
    note_identity("plex", "machine1")
    assert connection("plex").identity is None


def test_the_identity_at_the_environments_address_holds_nothing_else_back(
    environment: pytest.MonkeyPatch,
) -> None:
    note_identity("plex", "machine1")
    note_identity("plex", "machine2")
    assert connection("plex").identity == "machine1"
    say(environment, PLEX_TOKEN="a new one")
    assert (connection("plex").secret, connection("plex").identity) == ("a new one", "machine1")
    say(environment, PLEX_URL="http://moved.example")
    assert (connection("plex").url, connection("plex").identity) == ("http://moved.example", None)
    note_identity("plex", "machine2")
    assert connection("plex").identity == "machine2"
    say(environment, PLEX_URL=URL)
    assert connection("plex").identity is None


def test_a_password_in_the_environments_address_is_not_written_down(environment: pytest.MonkeyPatch) -> None:
    say(environment, PLEX_URL=f"http://user:{CANARY}@plex.example")
    note_identity("plex", "machine1")
    assert connection("plex").identity == "machine1"
    assert CANARY not in str(query("SELECT * FROM connection"))
