"""Who still has access is looked at once a day; only what is said about a person changes anything."""

from collections.abc import Callable
from typing import Any

import pytest

from config.database import change, query
from config.json_text import read_json
from config.settings import settings
from config.vault import unseal
from pipelines import recheck
from pipelines.errors import Cancelled
from pipelines.jobs import runner, schedule
from pipelines.jobs.claim import claim
from pipelines.jobs.context import Attempt
from pipelines.models import job, plex_account
from pipelines.registry import KINDS
from tests.logs import heard
from tests.pipelines.plex_people import row_of, signed_in
from tests.standins.plex_people import Accounts
from tests.standins.plex_sample import Sample

pytestmark = pytest.mark.usefixtures("home")

NOBODY = {"checked": 0, "kept": 0, "lost": 0, "unknown": 0}


class NobodysWorker:
    """Renews nothing; the tests are over before a lease is."""

    def begin(self, attempt: object) -> None: ...

    def end(self, attempt: object) -> None: ...


@pytest.fixture
def friend(sample: Sample) -> int:
    """The account of a friend whose turn it is."""
    return signed_in(sample, sample.friend)


def checked(**found: int) -> dict[str, int]:
    return {**NOBODY, "checked": sum(found.values()), **found}


def run() -> dict[str, Any]:
    """One job as the scheduler submits it and a worker runs it; its result."""
    change("DELETE FROM schedule")
    fired = schedule.fire(recheck.KIND)
    assert fired is not None
    row = claim("recheck", 7)
    assert row is not None
    runner.run(row, {"recheck": recheck.KIND}, NobodysWorker())  # type: ignore[arg-type]
    ended = job.find(row["id"])
    assert ended is not None and ended["state"] == "succeeded", ended
    change("UPDATE job SET slot = -id")
    result: dict[str, Any] = read_json(ended["result"])
    return result


def lost() -> list[dict[str, Any]]:
    rows = query("SELECT * FROM audit WHERE action = 'user.access_lost' ORDER BY id")
    return [{"who": row["target"], "by": row["actor_id"], **read_json(row["detail"])} for row in rows]


def test_it_runs_every_hour_and_nobody_submits_it() -> None:
    kind = KINDS["recheck"]
    assert (kind.every, kind.submit_role) == (3600.0, "system")


def test_who_has_access_keeps_it_with_a_fresh_token_for_the_server(sample: Sample, friend: int) -> None:
    assert run() == checked(kept=1)
    row = row_of(friend)
    assert (row["role"], row["sessions"], lost()) == ("user", 1, []) and row["unchecked"] < 60
    entered = sample.plex_tv.accounts.access_token(sample.server, sample.friend)
    assert unseal(row["server_token"], f"server_token:{friend}") == entered
    assert [one.path for one in sample.plex_tv.requests] == [
        "/api/v2/user", "/api/v2/resources", "/api/v2/ping",
    ]  # fmt: skip
    assert run() == NOBODY


def test_only_those_are_looked_at_whose_turn_it_is(sample: Sample) -> None:
    signed_in(sample, sample.friend, days=0.9)
    signed_in(sample, sample.child, role="suspended")
    change("INSERT INTO account (name, password_hash, role, created_at) VALUES ('local', '', 'admin', NOW)")
    assert run() == NOBODY and sample.plex_tv.requests == []


def test_a_revoked_token_signs_its_person_out(sample: Sample, friend: int) -> None:
    other = signed_in(sample, sample.child)
    sample.plex_tv.accounts.revoke_all(sample.friend)
    assert run() == checked(kept=1, lost=1)
    row = row_of(friend)
    assert (row["role"], row["suspended"], row["sessions"]) == ("suspended", "access", 0)
    assert (row_of(other)["role"], row_of(other)["sessions"]) == ("user", 1)
    assert lost() == [{"who": "felix", "by": 0, "reason": "token_revoked", "suspended": True}]
    assert run() == NOBODY


@pytest.mark.parametrize("place", ["user", "resources"])
@pytest.mark.parametrize("status", [401, 498])
def test_these_statuses_of_plex_tv_say_that_a_token_is_revoked(
    sample: Sample, friend: int, status: int, place: str
) -> None:
    sample.plex_tv.switches.status(status, f"GET /api/v2/{place}")
    assert run() == checked(lost=1)


def test_who_is_no_longer_shared_the_server_is_signed_out(sample: Sample, friend: int) -> None:
    sample.plex_tv.unshare(sample.server, sample.friend)
    assert run() == checked(lost=1)
    assert row_of(friend)["sessions"] == 0 and lost()[0]["reason"] == "no_access"


def test_whom_the_server_turns_away_is_signed_out(sample: Sample, friend: int) -> None:
    sample.plex.accounts = Accounts()  # it has not heard of friends, and plex.tv not of that
    sample.plex.accounts.add(sample.owner)
    assert run() == checked(lost=1)
    assert row_of(friend)["suspended"] == "access" and lost()[0]["reason"] == "no_access"


def forget_our_token(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.plex.accounts.add(sample.owner)
    monkeypatch.setenv("PLEX_TOKEN", "")
    settings.cache_clear()


@pytest.mark.parametrize("trouble", [lambda *_: None, forget_our_token], ids=["refused", "none"])
def test_a_server_that_does_not_know_our_own_token_turns_nobody_out(
    sample: Sample,
    friend: int,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Sample, pytest.MonkeyPatch], None],
) -> None:
    sample.plex.accounts = Accounts()
    trouble(sample, monkeypatch)
    before = query("SELECT * FROM account")
    assert run() == checked(unknown=1)
    assert query("SELECT * FROM account") == before
    assert row_of(friend)["sessions"] == 1 and lost() == []
    sample.plex_tv.unshare(sample.server, sample.friend)
    assert run() == checked(lost=1), "that plex.tv itself says"


Break = Callable[[Sample], object]

AWAY: dict[str, Break] = {
    "plex.tv refuses connections": lambda sample: sample.plex_tv.stop(),
    "plex.tv breaks off": lambda sample: sample.plex_tv.switches.away(),
    "plex.tv is malformed": lambda sample: sample.plex_tv.switches.malformed(),
    "plex.tv is empty 404": lambda sample: sample.plex_tv.switches.status(404),
    "plex.tv is 500": lambda sample: sample.plex_tv.switches.status(500),
    "plex.tv is HTML 502": lambda sample: sample.plex_tv.switches.status(502),
    "plex.tv is 403": lambda sample: sample.plex_tv.switches.status(403),
    "plex.tv is another 422": lambda sample: sample.plex_tv.switches.status(422),
    "plex.tv is 429": lambda sample: sample.plex_tv.switches.status(429),
    "resources are 500": lambda sample: sample.plex_tv.switches.status(500, "GET /api/v2/resources"),
    "resources are malformed": lambda sample: sample.plex_tv.switches.malformed("GET /api/v2/resources"),
    "the server refuses connections": lambda sample: sample.plex.stop(),
    "the server starts": lambda sample: sample.plex.switches.status(503),
    "the server is 500": lambda sample: sample.plex.switches.status(500),
    "the server is malformed": lambda sample: sample.plex.switches.malformed(),
    "another server is there": lambda sample: setattr(sample.plex, "server", sample.other),
}


@pytest.mark.parametrize("trouble", AWAY)
def test_what_says_nothing_about_a_person_changes_nothing(sample: Sample, friend: int, trouble: str) -> None:
    assert run() == checked(kept=1)  # so that it is known which server it is
    change("UPDATE account SET checked_at = checked_at - 100000")
    before = query("SELECT * FROM account")
    AWAY[trouble](sample)
    for _ in range(2):
        assert run() == checked(unknown=1)
    assert query("SELECT * FROM account") == before
    assert row_of(friend)["sessions"] == 1 and lost() == []


def test_where_plex_tv_asks_to_slow_down_the_others_wait_for_the_next_hour(
    sample: Sample, friend: int
) -> None:
    signed_in(sample, sample.child)
    sample.plex_tv.switches.status(429, times=1)
    assert run() == checked(unknown=1)
    assert len(sample.plex_tv.requests) == 1
    assert run() == checked(kept=2)


def take_access(sample: Sample, reason: str) -> None:
    if reason == "token_revoked":
        sample.plex_tv.accounts.revoke_all(sample.owner)
    else:
        sample.plex_tv.resources_empty = True


@pytest.mark.parametrize("reason", ["token_revoked", "no_access"])
def test_the_last_admin_is_told_and_stays(sample: Sample, reason: str) -> None:
    owner = signed_in(sample, sample.owner, role="admin")
    take_access(sample, reason)
    with heard(recheck) as logs:
        assert run() == checked(kept=1)
    assert (row_of(owner)["role"], row_of(owner)["sessions"]) == ("admin", 1)
    assert lost() == [{"who": "olivia", "by": 0, "reason": reason, "suspended": False}]
    assert [one["advice"] for one in logs if "last admin" in one["event"]] == ["Sign in with Plex again."]
    assert run() == NOBODY


@pytest.mark.parametrize("reason", ["token_revoked", "no_access"])
def test_an_admin_loses_access_like_everybody(sample: Sample, reason: str) -> None:
    owner = signed_in(sample, sample.owner, role="admin")
    change("INSERT INTO account (name, password_hash, role, created_at) VALUES ('local', '', 'admin', NOW)")
    take_access(sample, reason)
    assert run() == checked(lost=1)
    row = row_of(owner)
    assert (row["role"], row["suspended"], row["sessions"]) == ("suspended", "access", 0)
    assert lost() == [{"who": "olivia", "by": 0, "reason": reason, "suspended": True}]


def test_of_admins_who_all_lose_access_one_stays(sample: Sample) -> None:
    for person in (sample.owner, sample.friend):
        signed_in(sample, person, role="admin")
    sample.plex_tv.resources_empty = True
    assert run() == checked(lost=1, kept=1)
    assert sorted(row["role"] for row in query("SELECT role FROM account")) == ["admin", "suspended"]


def test_who_signs_in_while_the_old_token_is_looked_at_is_not_signed_out(sample: Sample, friend: int) -> None:
    row = plex_account.unchecked(0)[0]
    plex_account.note_proof(friend, None, sample.plex_tv.accounts.sign_in(sample.friend), "x")
    assert recheck._lost(row, "token_revoked") == "unknown"
    assert not plex_account.note_check(row, "stale")
    assert (row_of(friend)["role"], row_of(friend)["sessions"], lost()) == ("user", 1, [])


def test_a_token_that_does_not_open_is_nobodys_fault(sample: Sample, friend: int) -> None:
    change("UPDATE account SET plex_token = 'v1.00000000.AAAA'")
    assert run() == checked(unknown=1)
    assert row_of(friend)["sessions"] == 1


def test_a_secret_of_the_installation_that_does_not_open_is_nobodys_fault(
    sample: Sample, friend: int
) -> None:
    change("INSERT INTO secret (name, sealed) VALUES ('plex-client', 'v1.00000000.AAAA')")
    assert run() == checked(unknown=1)
    assert row_of(friend)["sessions"] == 1


def test_a_token_is_in_no_address_and_nothing_that_is_written_down(
    sample: Sample, friend: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    token = unseal(row_of(friend)["plex_token"], f"plex_token:{friend}")
    for trouble in (
        lambda: None,
        lambda: sample.plex_tv.switches.status(500),
        lambda: sample.plex_tv.switches.off(),
    ):
        trouble()
        change("UPDATE account SET checked_at = 0")
        run()
    sample.plex_tv.revoke(token)
    change("UPDATE account SET checked_at = 0")
    run()
    said = [f"{one.path}?{one.query} {one.body}" for one in sample.plex_tv.requests + sample.plex.requests]
    said += [
        str(query("SELECT * FROM audit")),
        str(query("SELECT * FROM job")),
        caplog.text,
        *capfd.readouterr(),
    ]
    assert token not in "\n".join(said)


def test_a_job_that_is_cancelled_stops_between_two_people(sample: Sample, friend: int) -> None:
    schedule.fire(recheck.KIND)
    row = claim("recheck", 7)
    assert row is not None
    attempt = Attempt({**row, "wish": "cancel"})
    with pytest.raises(Cancelled):
        recheck.run(attempt, recheck.Params())
    assert sample.plex_tv.requests == []
