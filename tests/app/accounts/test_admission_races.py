"""What an admin does to an account while its person signs in with Plex is never undone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts import plex, users
from app.accounts.identity import Identity
from config.database import change, query, transaction
from tests.app.accounts.plex_browser import SESSION, Browser, account, sessions, wait_until_blocked
from tests.app.conftest import PASSWORD
from tests.standins.plex_sample import Sample

SUSPEND = "UPDATE account SET role = 'suspended', suspended = 'admin' WHERE plex_id = %s"
DELETE = "DELETE FROM account WHERE plex_id = %s"


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_suspension_under_way_is_waited_for_and_stays(sample: Sample, visitor: Browser) -> None:
    users.create("root", PASSWORD, "admin")
    visitor.sign_in(sample, sample.friend)
    change("UPDATE account SET role = 'suspended', suspended = 'access' WHERE plex_id = %s", sample.friend.id)
    change("DELETE FROM session")
    sample.plex_tv.claim(visitor.begin()["code"], sample.friend)
    change("UPDATE sign_in SET asked_at = 0")
    friend = account(sample.friend)
    assert friend is not None
    with ThreadPoolExecutor(1) as pool:
        with transaction():
            users.revise(friend["id"], "suspended")
            ended = pool.submit(visitor.look_again)
            wait_until_blocked()
        assert (ended.result()["state"], ended.result()["reason"]) == ("refused", "suspended")
    row = account(sample.friend)
    assert row is not None and (row["role"], row["suspended"]) == ("suspended", "admin")
    assert sessions() == 0


@pytest.mark.parametrize(
    ("act", "state", "reason"), [(SUSPEND, "refused", "suspended"), (DELETE, "expired", None)]
)
def test_who_is_let_in_and_lost_before_the_session_begins_is_told(
    sample: Sample,
    visitor: Browser,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
    state: str,
    reason: str | None,
) -> None:
    look = plex.look

    def looked(value: str | None, person: Identity | None) -> plex.Standing:
        standing = look(value, person)
        change(act, sample.friend.id)
        return standing

    monkeypatch.setattr(plex, "look", looked)
    ended = visitor.sign_in(sample, sample.friend)
    assert (ended["state"], ended["reason"], visitor.cookie(SESSION)) == (state, reason, "")
    assert query("SELECT * FROM session") == []


def test_who_lost_access_comes_back_as_owner_or_as_user(sample: Sample, visitor: Browser) -> None:
    for person, role in ((sample.owner, "admin"), (sample.friend, "user")):
        visitor.client.delete_cookie(SESSION)
        visitor.sign_in(sample, person)
        visitor.client.delete_cookie(SESSION)
        change("UPDATE account SET role = 'suspended', suspended = 'access' WHERE plex_id = %s", person.id)
        assert visitor.sign_in(sample, person)["state"] == "signed_in"
        row = account(person)
        assert row is not None and row["role"] == role


def test_where_the_server_opens_for_any_token_the_owner_stays_what_they_were(
    sample: Sample, visitor: Browser
) -> None:
    sample.plex.allows_without_auth = True
    for role in ("user", "admin"):
        visitor.client.delete_cookie(SESSION)
        assert visitor.sign_in(sample, sample.owner)["state"] == "signed_in"
        row = account(sample.owner)
        assert row is not None and row["role"] == role
        change("UPDATE account SET role = 'admin'")


def test_a_wish_to_wait_for_ages_is_passed_on_as_a_day(sample: Sample, visitor: Browser) -> None:
    sample.plex_tv.switches.status(429, retry_after="9" * 400)
    answer = visitor.ask_begin()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "86400")
