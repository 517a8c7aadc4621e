"""Accounts. Names are unique whatever their case and never change."""

from typing import Annotated, Literal, get_args

from pydantic import StringConstraints

from app.accounts import passwords
from config.database import Row, change, query, transaction
from config.json_text import write_json
from pipelines.models.account import keep_an_admin

Role = Literal["admin", "user", "suspended"]
ROLES: tuple[Role, ...] = get_args(Role)
PERMISSIONS = ("download", "request", "scan")
"""The kinds of jobs that an admin may forbid somebody."""
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


def set_rights(account_id: int, denied: set[str], quotas: dict[str, int]) -> None:
    """Say which kinds of jobs someone may not submit, and how many an hour instead of the general number (0: any)."""
    rights = write_json({"denied": sorted(denied), "quotas": quotas})
    change("UPDATE account SET rights = %s WHERE id = %s", rights, account_id)


def delete(account_id: int) -> None:
    """Forget someone with their sessions, tokens and cookies; their jobs and downloads stay. Raises LastAdmin."""
    with transaction():
        keep_an_admin(account_id)
        change("DELETE FROM account WHERE id = %s", account_id)
