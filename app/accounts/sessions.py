"""Signed-in browsers. The cookie's value is random and known to the browser alone; the database has its SHA-256."""

import hashlib
import secrets

from app.accounts.identity import Identity, key_of, of_row
from config.database import Row, change, query, transaction

COOKIE = "mn_session"
DAY = 86400.0
IDLE = 30 * DAY
ABSOLUTE = 90 * DAY
SEEN_EVERY = 60.0  # seconds between two writes of seen_at
LONGEST_AGENT = 200
ID_LENGTH = 16  # characters of the digest that name a session to its owner
AT_ONCE = 500  # keys in one question

_VALID = f"s.seen_at > NOW - {IDLE} AND s.created_at > NOW - {ABSOLUTE}"
_FROM = "FROM session s JOIN account a ON a.id = s.account_id"


class Barred(Exception):
    """No session begins for the account: it is `suspended`, else there is none."""

    def __init__(self, *, suspended: bool) -> None:
        super().__init__()
        self.suspended = suspended


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def begin(account_id: int, agent: str, address: str = "") -> str:
    """Start a session; returns the value of its cookie. The account's outdated sessions go. Raises Barred.

    Who is being suspended meanwhile either is so already or loses this session too.
    """
    value = secrets.token_urlsafe(32)
    with transaction():
        _hold(account_id)
        change(f"DELETE FROM session AS s WHERE account_id = %s AND NOT ({_VALID})", account_id)
        change(
            "INSERT INTO session (digest, account_id, created_at, seen_at, agent, address)"
            " VALUES (%s, %s, NOW, NOW, %s, %s)",
            *(_digest(value), account_id, agent[:LONGEST_AGENT], address),
        )
    return value


def _hold(account_id: int) -> None:
    """Let nobody change the account before the transaction ends; raises Barred if nobody may come in by it."""
    seen = "UPDATE account SET seen_at = NOW WHERE id = %s AND role <> 'suspended' RETURNING id"
    if not change(seen, account_id):
        raise Barred(suspended=bool(query("SELECT id FROM account WHERE id = %s", account_id)))


def identify(value: str) -> Identity | None:
    """Whose session it is; notes now and then that it was used."""
    digest = _digest(value)
    rows = query(
        f"SELECT a.id AS user_id, a.name, a.role, a.rights, NOW - s.seen_at AS unseen {_FROM}"
        f" WHERE s.digest = %s AND {_VALID}",
        digest,
    )
    if not rows:
        return None
    if rows[0]["unseen"] > SEEN_EVERY:
        change("UPDATE session SET seen_at = NOW WHERE digest = %s", digest)
        change("UPDATE account SET seen_at = NOW WHERE id = %s", rows[0]["user_id"])
    return of_row(rows[0], f"s:{digest}")


def alive(keys: list[str]) -> set[str]:
    """Those keys of identities whose session still proves the same."""
    found: set[str] = set()
    for start in range(0, len(keys), AT_ONCE):
        digests = [key.split(":")[1] for key in keys[start : start + AT_ONCE]]
        marks = ", ".join(["%s"] * len(digests))
        rows = query(f"SELECT s.digest, a.role {_FROM} WHERE s.digest IN ({marks}) AND {_VALID}", *digests)
        found |= {key_of(row, f"s:{row['digest']}") for row in rows}
    return found


def end(value: str) -> None:
    """Sign out; the cookie is worth nothing afterwards."""
    change("DELETE FROM session WHERE digest = %s", _digest(value))


def of_account(account_id: int) -> list[Row]:
    """An account's sessions (id, created_at, seen_at, agent, address), the last used first."""
    return query(
        f"SELECT substr(s.digest, 1, {ID_LENGTH}) AS id, s.created_at, s.seen_at, s.agent, s.address {_FROM}"
        f" WHERE a.id = %s AND {_VALID} ORDER BY s.seen_at DESC",
        account_id,
    )


def revoke_others(account_id: int, key: str | None) -> int:
    """End an account's sessions but the one that `key` (of an identity) names; how many those were."""
    kind, _, rest = (key or "").partition(":")
    own = rest.partition(":")[0] if kind == "s" else ""
    return len(
        change("DELETE FROM session WHERE account_id = %s AND digest <> %s RETURNING digest", account_id, own)
    )


def revoke(account_id: int, session_id: str) -> bool:
    """End one of an account's sessions; False if it has none of that id."""
    return bool(
        change(
            f"DELETE FROM session WHERE account_id = %s AND substr(digest, 1, {ID_LENGTH}) = %s RETURNING digest",
            account_id,
            session_id,
        )
    )
