"""Personal tokens for scripts, `mnp_<id>_<secret>`, and the command line's local one, `mnp_local_<secret>`.

A token may do what its account's role and its own scopes allow, until it expires. Of its secret only an HMAC is
stored, under a key that is sealed.
"""

import hmac
import re
import secrets
import string
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

from app.accounts.identity import SCOPES, Identity, Scope, key_of, of_row
from config.database import Row, afterwards, change, query
from config.settings import Settings, settings
from pipelines.models.account import SYSTEM
from pipelines.models.secret import kept

LETTERS = string.ascii_letters + string.digits
ID_LENGTH, SECRET_LENGTH = 8, 32
USED_EVERY = 60.0  # seconds between two writes of used_at
AT_ONCE = 500  # keys in one question
LOCAL = "mnp_local_"
LOCAL_IDENTITY = Identity(SYSTEM, "local", "admin", "l")

Label = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""What a token is for, in 1 to 100 printable characters."""

COLUMNS = "id, label, scopes, created_at, expires_at, used_at"
_VALID = "(t.expires_at IS NULL OR t.expires_at > NOW)"

_PERSONAL = re.compile(rf"mnp_([A-Za-z0-9]{{{ID_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})")


_peppers: dict[Settings, bytes] = {}


def pepper() -> bytes:
    """The key of the digests; it stays when the installation's secret is replaced. Raises SecretLost."""
    here = settings()
    if here in _peppers:
        return _peppers[here]
    found = kept("pepper", _first_pepper).encode()
    afterwards(lambda: _peppers.update({here: found}))  # what is rolled back must not be remembered
    return found


def _first_pepper() -> str:
    """Random, but for the tokens of an installation that is older than the kept pepper."""
    return settings().secret() if query("SELECT 1 FROM token LIMIT 1") else secrets.token_urlsafe(32)


def _digest(token_id: str, secret: str) -> str:
    return hmac.digest(pepper(), f"token:{token_id}:{secret}".encode(), "sha256").hex()


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def all_of(role: str) -> list[Scope]:
    """Every scope that is of use to somebody with this role."""
    return [scope for scope in SCOPES if scope != "admin" or role == "admin"]


def create(
    account_id: int, label: str, scopes: Iterable[str], expires_at: float | None = None
) -> tuple[Row, str]:
    """A new token's row and the token itself, which is not seen again; `expires_at` in seconds since 1970."""
    token_id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    rows = change(
        "INSERT INTO token (id, digest, account_id, label, scopes, expires_at, created_at)"
        f" VALUES (%s, %s, %s, %s, %s, %s, NOW) RETURNING {COLUMNS}",
        *(token_id, _digest(token_id, secret), account_id, label, ",".join(sorted(scopes)), expires_at),
    )
    return rows[0], f"mnp_{token_id}_{secret}"


def identify(text: str) -> Identity | None:
    """Whose token it is; notes now and then that it was used."""
    if text.startswith(LOCAL):
        return LOCAL_IDENTITY if _is_local(text.removeprefix(LOCAL)) else None
    match = _PERSONAL.fullmatch(text)
    return _personal(match[1], match[2]) if match else None


def _is_local(secret: str) -> bool:
    try:
        kept = settings().local_token_file.read_text().strip()
    except OSError:
        return False
    return bool(kept) and hmac.compare_digest(secret.encode("utf-8", "replace"), kept.encode())


def _personal(token_id: str, secret: str) -> Identity | None:
    rows = query(
        "SELECT t.digest, t.scopes, a.id AS user_id, a.name, a.role, a.rights, NOW - COALESCE(t.used_at, 0) AS unused"
        f" FROM token t JOIN account a ON a.id = t.account_id WHERE t.id = %s AND {_VALID}",
        token_id,
    )
    if not rows or not hmac.compare_digest(rows[0]["digest"], _digest(token_id, secret)):
        return None
    if rows[0]["unused"] > USED_EVERY:
        change("UPDATE token SET used_at = NOW WHERE id = %s", token_id)
    return of_row(rows[0], f"t:{token_id}", frozenset(rows[0]["scopes"].split(",")))


def alive(keys: list[str]) -> set[str]:
    """Those keys of identities whose token still proves the same."""
    found: set[str] = set()
    for start in range(0, len(keys), AT_ONCE):
        ids = [key.split(":")[1] for key in keys[start : start + AT_ONCE]]
        marks = ", ".join(["%s"] * len(ids))
        rows = query(
            "SELECT t.id, a.role FROM token t JOIN account a ON a.id = t.account_id"
            f" WHERE t.id IN ({marks}) AND {_VALID}",
            *ids,
        )
        found |= {key_of(row, f"t:{row['id']}") for row in rows}
    return found


def of_account(account_id: int) -> list[Row]:
    """An account's tokens (id, label, scopes, created_at, expires_at, used_at), the newest first."""
    return query(
        f"SELECT {COLUMNS} FROM token WHERE account_id = %s ORDER BY created_at DESC, id", account_id
    )


def expiry(key: str | None) -> float | None:
    """When the token expires that `key` (of an identity) names, in seconds since 1970; None if it does not."""
    kind, _, rest = (key or "").partition(":")
    rows = query("SELECT expires_at FROM token WHERE id = %s", rest.partition(":")[0]) if kind == "t" else []
    return rows[0]["expires_at"] if rows else None


def revoke_all() -> int:
    """Delete everybody's tokens; how many those were."""
    return len(change("DELETE FROM token RETURNING id"))


def revoke(token_id: str, account_id: int | None = None) -> Row | None:
    """Delete a token, with `account_id` only if it is that account's; its id, label and account_id, None if there is
    none."""
    own, owner = ("", ()) if account_id is None else (" AND account_id = %s", (account_id,))
    rows = change(f"DELETE FROM token WHERE id = %s{own} RETURNING id, label, account_id", token_id, *owner)
    return rows[0] if rows else None
