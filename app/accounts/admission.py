"""How a sign-in with Plex ends: whose account it is, and whether they come in.

An account is found by the number that its person has at Plex, never by a name or an e-mail address, which anybody may
give himself. The owner of the configured server is admin; everybody else is what an admin made of them.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from app.accounts import audit, users
from app.accounts.identity import Identity
from config.database import LOCK_ADMISSION, Row, locked, transaction
from config.settings import settings
from pipelines.integrations.plex.access import Access
from pipelines.integrations.plex.tv import Person
from pipelines.models import plex_account, sign_in
from pipelines.models.account import hold_admins, set_role
from pipelines.models.sign_in import State

LONGEST_NAME = 64
NAMELESS = "Plex user"


@dataclass(frozen=True)
class End:
    """How it ended: signed in to an account, or refused for a reason."""

    state: State
    reason: str | None = None
    account_id: int | None = None


class _EndedMeanwhile(Exception):
    """Somebody else wrote down an end; ours shall leave no trace."""


def refuse(row: Row, person: Person) -> End | None:
    """End a sign-in of somebody without access; None if it has ended already."""
    with transaction():
        if not sign_in.settle(row["digest"], "refused", "no_access", None):
            return None
        _note_refusal(person, "no_access")
    return End("refused", "no_access")


def admit(row: Row, proof: Access, token: str, here: Identity | None, seconds: float) -> End | None:
    """End a sign-in of somebody with proved access; None if it has ended already.

    `here` is who is signed in at this browser: their account becomes this person's if it is the one that began and
    belongs to nobody at Plex. The end is remembered for `seconds` if they come in.
    """
    end = None
    with suppress(_EndedMeanwhile), locked(LOCK_ADMISSION):
        found = _end(row, proof, token, here)
        kept = seconds if found.state == "signed_in" else None
        if not sign_in.settle(row["digest"], found.state, found.reason, found.account_id, kept):
            raise _EndedMeanwhile
        end = found
    return end


def _end(row: Row, proof: Access, token: str, here: Identity | None) -> End:
    account = _account_of(row, proof, here)
    if account is None:
        _note_refusal(proof.person, "linked_elsewhere", here)
        return End("refused", "linked_elsewhere")
    if account["suspended"] != "admin":
        account = _in_their_role(account, proof)
        person = proof.person
        plex_account.note_proof(account["id"], person.email, token, proof.server_token)
    if account["role"] == "suspended":
        reason = "approval" if account["suspended"] == "approval" else "suspended"
        _note_refusal(proof.person, reason)
        return End("refused", reason)
    audit.note("auth.plex", account["name"], _identity(account), plex_id=proof.person.id)
    return End("signed_in", account_id=account["id"])


def _account_of(row: Row, proof: Access, here: Identity | None) -> Row | None:
    """The account of this person: theirs or a new one; the one that was to be connected, where somebody began so.

    None if that one or this person is connected already, and not with each other.
    """
    person = proof.person
    hold_admins()  # a change of role holds them, and they come before the account alone
    found = plex_account.by_plex_id(person.id)
    if here is None or here.user_id != row["account_id"]:
        return found or _new_account(person, owned=proof.owned)
    if found is None and plex_account.link(here.user_id, person.id):
        audit.note("user.changed", here.name, here, plex_id=person.id)
        return plex_account.by_plex_id(person.id)
    return found if found is not None and found["id"] == here.user_id else None


def _new_account(person: Person, *, owned: bool) -> Row:
    waits = settings().approval and not owned
    for name in _names(person.name):
        with suppress(users.NameTaken):
            account_id = users.create(name, None, "user")
            break
    if waits:
        set_role(account_id, "suspended", "approval")
    plex_account.link(account_id, person.id)
    account = plex_account.by_plex_id(person.id)
    assert account is not None  # it was made in this transaction
    audit.note("user.created", account["name"], _identity(account), plex_id=person.id, role=account["role"])
    return account


def _in_their_role(account: Row, proof: Access) -> Row:
    """The account once the owner is admin, and who has access again a user."""
    role = "admin" if proof.owned else "user" if account["suspended"] == "access" else account["role"]
    if role == account["role"]:
        return account
    set_role(account["id"], role)
    changed = {**account, "role": role, "suspended": ""}
    audit.note("user.changed", account["name"], _identity(changed), role=role, was=account["role"])
    return changed


def _names(wanted: str) -> Iterator[str]:
    """The name, then the same with a number behind it."""
    name, number = wanted[:LONGEST_NAME].strip() or NAMELESS, 2
    yield name
    while True:
        end = f" {number}"
        yield name[: LONGEST_NAME - len(end)].rstrip() + end
        number += 1


def _note_refusal(person: Person, reason: str, here: Identity | None = None) -> None:
    audit.note("auth.plex_refused", person.name, here, reason=reason, plex_id=person.id, name=person.name)


def _identity(account: Row) -> Identity:
    return Identity(account["id"], account["name"], account["role"], None)
