"""Accounts. Names are unique whatever their case and never change."""

from typing import Annotated, Any, Literal, get_args

from pydantic import StringConstraints

from app.accounts import identity, passwords
from config.database import Row, change, is_sqlite, query, transaction
from config.json_text import write_json
from pipelines.models.account import Why, keep_an_admin, set_role

Role = Literal["admin", "user", "suspended"]
ROLES: tuple[Role, ...] = get_args(Role)
PERMISSIONS = ("download", "request", "scan")
"""The kinds of jobs that an admin may forbid somebody."""
QUOTAS = ("download", "request")
"""The kinds of jobs of which an admin may give somebody a quota of their own."""
COLUMNS = "id, name, role, suspended, rights, email, plex_id, created_at, seen_at"

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""A name for an account: 1 to 64 printable characters."""


class NameTaken(Exception):
    """There is an account of this name."""


def create(name: str, password: str | None, role: str) -> int:
    """A new account's id; without a password it can only use tokens. Raises NameTaken."""
    stored = passwords.hashed(password) if password else ""
    rows = change(
        "INSERT INTO account (name, password_hash, role, created_at) VALUES (%s, %s, %s, NOW)"
        " ON CONFLICT DO NOTHING RETURNING id",
        name,
        stored,
        role,
    )
    if not rows:
        raise NameTaken
    return int(rows[0]["id"])


def find(name: str) -> Row | None:
    """The account of this name: COLUMNS and password_hash."""
    rows = query(f"SELECT {COLUMNS}, password_hash FROM account WHERE lower(name) = lower(%s)", name)
    return rows[0] if rows else None


def by_id(account_id: int) -> Row | None:
    """The account (COLUMNS)."""
    rows = query(f"SELECT {COLUMNS} FROM account WHERE id = %s", account_id)
    return rows[0] if rows else None


def everyone() -> list[Row]:
    """All accounts (COLUMNS) in the order of their names."""
    return query(f"SELECT {COLUMNS} FROM account ORDER BY lower(name)")


def admin_exists() -> bool:
    """Whether the first run is over."""
    return bool(query("SELECT 1 AS found FROM account WHERE role = 'admin' LIMIT 1"))


def with_password(name: str, password: str) -> Row | None:
    """The account if name and password are right."""
    account = find(name)
    right = passwords.matches(account["password_hash"] if account else None, password)
    return account if right else None


def standing(account: Row) -> dict[str, Any]:
    """What admins decide about someone: `role`, why they are `suspended`, `permissions` and `quotas` by kind.

    A quota of None is the general one, 0 any number.
    """
    gone, own = identity.denied(account["rights"]), identity.quotas(account["rights"])
    return {
        "role": account["role"],
        "suspended": account["suspended"] or None,
        "permissions": {kind: kind not in gone for kind in PERMISSIONS},
        "quotas": {kind: own.get(kind) for kind in QUOTAS},
    }


def differences(before: Row, after: Row) -> dict[str, dict[str, Any]]:
    """What changed in someone's standing, from what and to what."""
    old, new = standing(before), standing(after)
    return {name: {"from": old[name], "to": new[name]} for name in old if old[name] != new[name]}


def revise(
    account_id: int,
    role: Role | None = None,
    permissions: dict[str, bool] | None = None,
    quotas: dict[str, int | None] | None = None,
) -> tuple[Row, Row] | None:
    """Change someone's standing where something is given; the account before and after, None if there is none.

    Another role ends their sessions. Raises LastAdmin.
    """
    with transaction():
        if role not in (None, "admin"):
            keep_an_admin(account_id)  # locks the admins in their order, so it comes before the row alone
        before = _held(account_id)
        if before is None:
            return None
        if role is not None:
            _give_role(before, role)
        if permissions or quotas:
            _give_rights(before, permissions or {}, quotas or {})
        return before, by_id(account_id) or before


def _held(account_id: int) -> Row | None:
    """The account, which nobody else changes before the transaction ends."""
    lock = "" if is_sqlite() else " FOR UPDATE"  # SQLite has one writer anyway
    rows = query(f"SELECT {COLUMNS} FROM account WHERE id = %s{lock}", account_id)
    return rows[0] if rows else None


def _give_role(account: Row, role: Role) -> None:
    why: Why | None = "admin" if role == "suspended" else None
    if (role, why or "") != (account["role"], account["suspended"]):
        set_role(account["id"], role, why)


def _give_rights(account: Row, permissions: dict[str, bool], quotas: dict[str, int | None]) -> None:
    now = standing(account)
    gone = [kind for kind, allowed in {**now["permissions"], **permissions}.items() if not allowed]
    own = {kind: number for kind, number in {**now["quotas"], **quotas}.items() if number is not None}
    rights = write_json({"denied": gone, "quotas": own})
    change("UPDATE account SET rights = %s WHERE id = %s", rights, account["id"])
