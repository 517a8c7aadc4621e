"""Sign-ins by Plex that are under way: which PIN belongs to which browser, and how it ended.

The browser is known by the SHA-256 of its cookie. Every change of state is a compare-and-set, so of several that look
at the same time one acts; the PIN's token is never stored here.
"""

from typing import Literal

from peewee import BigIntegerField, DoubleField, TextField

from config.database import Row, change, query, transaction
from pipelines.models.table import Table

State = Literal["waiting", "signed_in", "refused"]

_COLUMNS = "digest, pin_id, code, state, reason, account_id, created_at, expires_at"


class SignIn(Table):
    """One browser's PIN; `account_id` is who was signed in when it was made, and in the end who is."""

    digest = TextField(primary_key=True)
    pin_id = BigIntegerField()
    code = TextField()
    state = TextField()
    reason = TextField(null=True)
    account_id = BigIntegerField(null=True)
    created_at = DoubleField()
    expires_at = DoubleField()
    asked_at = DoubleField()

    class Meta:
        """The name of the table."""

        table_name = "sign_in"


def begin(digest: str, pin_id: int, code: str, lifetime: float, account_id: int | None) -> Row:
    """The row of a new PIN that lives for `lifetime` seconds; those that are over go."""
    with transaction():
        change("DELETE FROM sign_in WHERE expires_at <= NOW")
        return change(
            "INSERT INTO sign_in (digest, pin_id, code, state, account_id, created_at, expires_at)"
            f" VALUES (%s, %s, %s, 'waiting', %s, NOW, NOW + %s) RETURNING {_COLUMNS}",
            *(digest, pin_id, code, account_id, lifetime),
        )[0]


def find(digest: str) -> Row | None:
    """The row of a browser, with `over` for one whose time has passed."""
    rows = query(
        f"SELECT {_COLUMNS}, CASE WHEN expires_at <= NOW THEN 1 ELSE 0 END AS over FROM sign_in WHERE digest = %s",
        digest,
    )
    return rows[0] if rows else None


def take_turn(digest: str, every: float) -> bool:
    """Whether plex.tv may be asked now: `every` so many seconds one asks."""
    return bool(
        change(
            "UPDATE sign_in SET asked_at = NOW WHERE digest = %s AND state = 'waiting' AND asked_at <= NOW - %s"
            " RETURNING digest",
            *(digest, every),
        )
    )


def wait(digest: str, reason: str | None, pause: float) -> None:
    """It goes on, for this reason; nobody asks for `pause` more seconds."""
    change(
        "UPDATE sign_in SET reason = %s, asked_at = NOW + %s WHERE digest = %s AND state = 'waiting'",
        *(reason, pause, digest),
    )


def settle(
    digest: str, state: State, reason: str | None, account_id: int | None, seconds: float | None = None
) -> bool:
    """How it ended; False if it has ended already. It is remembered for `seconds` more, else as long as the PIN."""
    return bool(
        change(
            "UPDATE sign_in SET state = %s, reason = %s, account_id = %s,"
            " expires_at = CASE WHEN %s THEN NOW + %s ELSE expires_at END"
            " WHERE digest = %s AND state = 'waiting' RETURNING digest",
            *(state, reason, account_id, seconds is not None, seconds or 0.0, digest),
        )
    )


def forget(digest: str) -> bool:
    """Remove the row; False if it is gone already."""
    return bool(change("DELETE FROM sign_in WHERE digest = %s RETURNING digest", digest))
