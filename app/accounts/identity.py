"""Who is asking."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from config.database import Row
from config.json_text import read_json

Scope = Literal["read", "jobs", "admin"]
"""What a token may be used for: to look, to submit and steer jobs and change one's own things, to act as admin."""

SCOPES: tuple[Scope, ...] = get_args(Scope)
ALL = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Identity:
    """An account as it acts in one request, `user_id` 0 for the command line on this machine.

    `session` names what proved it (cookie or token) together with the role, for later questions
    whether that still holds. `rights` is the account's column of that name.
    """

    user_id: int
    name: str
    role: str
    session: str | None
    scopes: frozenset[str] = ALL
    rights: str = "{}"

    @property
    def admin(self) -> bool:
        """Whether they act as admin: by role, and with a proof that is good for it."""
        return self.role == "admin" and "admin" in self.scopes

    def may_submit(self, kind: str) -> bool:
        """Whether an admin left them this kind of job."""
        return self.admin or kind not in denied(self.rights)

    def hourly(self, kind: str, general: int | None) -> int | None:
        """How many jobs of a kind they may submit in an hour, `general` unless an admin said otherwise; None: any number."""
        limit = quotas(self.rights).get(kind)
        return None if self.admin else (general if limit is None else limit) or None


def denied(rights: str) -> set[str]:
    """The kinds of jobs that somebody with these rights may not submit."""
    return set(_read(rights).get("denied", ()))


def quotas(rights: str) -> dict[str, int]:
    """The quotas an hour by kind that hold for somebody with these rights instead of the general ones; 0: any number."""
    return dict(_read(rights).get("quotas", {}))


def _read(rights: str) -> dict[str, Any]:
    return {} if rights == "{}" else dict(read_json(rights))


def of_row(row: Row, proof: str, scopes: frozenset[str] = ALL) -> Identity:
    """The identity that a session or token proved; `row` has user_id, name, role and rights."""
    return Identity(row["user_id"], row["name"], row["role"], key_of(row, proof), scopes, row["rights"])


def key_of(row: Row, proof: str) -> str:
    """A key that changes with the role."""
    return f"{proof}:{row['role']}"
