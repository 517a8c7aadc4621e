"""Who is asking."""

from dataclasses import dataclass

from config.database import Row


@dataclass(frozen=True, slots=True)
class Identity:
    """An account as it acts in one request, `user_id` 0 for the command line on this machine.

    `session` names what proved it (cookie or token) together with the role, for later questions
    whether that still holds.
    """

    user_id: int
    name: str
    admin: bool
    session: str | None


def of_row(row: Row, proof: str) -> Identity:
    """The identity that a session or token proved; `row` has user_id, name and role."""
    return Identity(row["user_id"], row["name"], row["role"] == "admin", key_of(row, proof))


def key_of(row: Row, proof: str) -> str:
    """A key that changes with the role."""
    return f"{proof}:{row['role']}"
