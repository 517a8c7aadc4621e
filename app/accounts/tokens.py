"""Personal tokens for scripts, `mnp_<id>_<secret>`, and the command line's local one, `mnp_local_<secret>`.

A token may do what its account's role allows. Of its secret only an HMAC is stored, under a key that
is not in the database.
"""

import hmac
import re
import secrets
import string
from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints

from app.accounts.identity import Identity, key_of, of_row
from config.database import Row, change, query
from config.settings import Settings, settings
from pipelines.models.account import SYSTEM

LETTERS = string.ascii_letters + string.digits
ID_LENGTH, SECRET_LENGTH = 8, 32
USED_EVERY = 60.0  # seconds between two writes of used_at
AT_ONCE = 500  # keys in one question
LOCAL = "mnp_local_"
LOCAL_IDENTITY = Identity(SYSTEM, "local", True, "l")

Label = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""What a token is for, in 1 to 100 printable characters."""

_PERSONAL = re.compile(rf"mnp_([A-Za-z0-9]{{{ID_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})")


@lru_cache(maxsize=1)
def _pepper(here: Settings) -> bytes:
    return here.pepper()


def _digest(token_id: str, secret: str) -> str:
    return hmac.digest(_pepper(settings()), f"token:{token_id}:{secret}".encode(), "sha256").hex()


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def create(account_id: int, label: str) -> tuple[Row, str]:
    """A new token's row and the token itself, which is not seen again."""
    token_id, secret = _random(ID_LENGTH), _random(SECRET_LENGTH)
    rows = change(
        "INSERT INTO token (id, digest, account_id, label, created_at) VALUES (%s, %s, %s, %s, NOW)"
        " RETURNING id, label, created_at, used_at",
        token_id,
        _digest(token_id, secret),
        account_id,
        label,
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
        "SELECT t.digest, a.id AS user_id, a.name, a.role, NOW - COALESCE(t.used_at, 0) AS unused"
        " FROM token t JOIN account a ON a.id = t.account_id WHERE t.id = %s",
        token_id,
    )
    if not rows or not hmac.compare_digest(rows[0]["digest"], _digest(token_id, secret)):
        return None
    if rows[0]["unused"] > USED_EVERY:
        change("UPDATE token SET used_at = NOW WHERE id = %s", token_id)
    return of_row(rows[0], f"t:{token_id}")


def alive(keys: list[str]) -> set[str]:
    """Those keys of identities whose token still proves the same."""
    found: set[str] = set()
    for start in range(0, len(keys), AT_ONCE):
        ids = [key.split(":")[1] for key in keys[start : start + AT_ONCE]]
        marks = ", ".join(["%s"] * len(ids))
        rows = query(
            f"SELECT t.id, a.role FROM token t JOIN account a ON a.id = t.account_id WHERE t.id IN ({marks})",
            *ids,
        )
        found |= {key_of(row, f"t:{row['id']}") for row in rows}
    return found


def of_account(account_id: int) -> list[Row]:
    """An account's tokens (id, label, created_at, used_at), the newest first."""
    return query(
        "SELECT id, label, created_at, used_at FROM token WHERE account_id = %s ORDER BY created_at DESC, id",
        account_id,
    )


def revoke(account_id: int, token_id: str) -> bool:
    """Delete one of an account's tokens; False if it has none of that id."""
    return bool(
        change("DELETE FROM token WHERE account_id = %s AND id = %s RETURNING id", account_id, token_id)
    )
