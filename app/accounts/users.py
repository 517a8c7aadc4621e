"""Accounts. Names are unique whatever their case and never change."""

from typing import Annotated

from pydantic import StringConstraints

from app.accounts import passwords
from config.database import Row, change, query, transaction

ROLES = ("admin", "user")

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
    """The account of this name (id, name, role, password_hash, created_at)."""
    rows = query(
        "SELECT id, name, role, password_hash, created_at FROM account WHERE lower(name) = lower(%s)", name
    )
    return rows[0] if rows else None


def everyone() -> list[Row]:
    """All accounts (id, name, role, created_at) in the order of their names."""
    return query("SELECT id, name, role, created_at FROM account ORDER BY lower(name)")


def admin_exists() -> bool:
    """Whether the first run is over."""
    return bool(query("SELECT 1 AS found FROM account WHERE role = 'admin' LIMIT 1"))


def with_password(name: str, password: str) -> Row | None:
    """The account if name and password are right."""
    account = find(name)
    right = passwords.matches(account["password_hash"] if account else None, password)
    return account if right else None


def set_role(account_id: int, role: str) -> None:
    """Change what someone may do; they sign in again."""
    with transaction():
        change("UPDATE account SET role = %s WHERE id = %s", role, account_id)
        change("DELETE FROM session WHERE account_id = %s", account_id)
