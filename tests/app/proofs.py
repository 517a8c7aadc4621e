"""Every way in which somebody can try to prove who they are, made anew each time it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from app.access import Need
from app.accounts import sessions, tokens, users
from app.accounts.identity import SCOPES
from config.database import change
from config.key_file import read_or_create
from config.settings import settings
from pipelines.models.account import set_role

_numbers = count(1)


@dataclass(frozen=True)
class Proof:
    """What is sent, and what it is worth: the role behind it (or the code of the refusal) and its scopes."""

    cookie: str | None = None
    token: str | None = None
    role: str = ""
    scopes: frozenset[str] = frozenset(SCOPES)
    refusal: str = ""

    def headers(self, origin: str = "") -> dict[str, str]:
        """The headers of a request; a cookie comes from a page at `origin`."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        if self.cookie is not None:
            return {"Cookie": f"{sessions.COOKIE}={self.cookie}", **({"Origin": origin} if origin else {})}
        return {}

    @property
    def acts_as_admin(self) -> bool:
        return self.role == "admin" and "admin" in self.scopes

    def refused(self) -> tuple[int, str]:
        return (403 if self.refusal == "suspended" else 401), self.refusal

    def verdict(self, need: Need) -> tuple[int, str]:
        """What comes of this proof where that is needed: a status and a code, or IN."""
        if need == "public":
            return IN
        if self.refusal:
            return self.refused()
        if need == "admin" and self.role != "admin":
            return 403, "forbidden"
        return IN if need in self.scopes else (403, "missing_scope")


IN = (0, "")
"""Let in, whatever the view behind it then says."""

REFUSALS = {"not_signed_in", "invalid_token", "suspended", "forbidden", "missing_scope", "cross_site"}
"""The codes with which `app.access` refuses."""


def _account(role: str) -> int:
    return users.create(f"{role}-{next(_numbers)}", None, role)


def _cookie(role: str) -> Callable[[], Proof]:
    return lambda: Proof(cookie=sessions.begin(_account(role), "test"), role=role)


def _token(role: str, *scopes: str) -> Callable[[], Proof]:
    granted = frozenset(scopes or SCOPES)
    return lambda: Proof(token=tokens.create(_account(role), "test", granted)[1], role=role, scopes=granted)


def _suspended_token() -> Proof:
    account = _account("user")
    token = tokens.create(account, "test", SCOPES)[1]
    set_role(account, "suspended", "admin")
    return Proof(token=token, refusal="suspended")


def _suspended_cookie() -> Proof:
    account = _account("user")
    cookie = sessions.begin(account, "test")
    set_role(account, "suspended", "admin")
    return Proof(cookie=cookie, refusal="not_signed_in")


def _expired_token() -> Proof:
    row, token = tokens.create(_account("admin"), "test", SCOPES)
    change("UPDATE token SET expires_at = NOW - 1 WHERE id = %s", row["id"])
    return Proof(token=token, refusal="invalid_token")


def _revoked_token() -> Proof:
    row, token = tokens.create(_account("admin"), "test", SCOPES)
    tokens.revoke(row["id"])
    return Proof(token=token, refusal="invalid_token")


def _ended_cookie() -> Proof:
    cookie = sessions.begin(_account("admin"), "test")
    sessions.end(cookie)
    return Proof(cookie=cookie, refusal="not_signed_in")


def _local_token() -> Proof:
    return Proof(token=tokens.LOCAL + read_or_create(settings().local_token_file), role="admin")


PROOFS: dict[str, Callable[[], Proof]] = {
    "nobody": lambda: Proof(refusal="not_signed_in"),
    "forged cookie": lambda: Proof(cookie="x" * 43, refusal="not_signed_in"),
    "forged token": lambda: Proof(token=f"mnp_{'x' * 8}_{'y' * 32}", refusal="invalid_token"),
    "user's cookie": _cookie("user"),
    "admin's cookie": _cookie("admin"),
    "user's token to read": _token("user", "read"),
    "user's token for jobs": _token("user", "jobs"),
    "user's token for all": _token("user"),
    "admin's token to read": _token("admin", "read"),
    "admin's token for jobs": _token("admin", "read", "jobs"),
    "admin's token to act as admin": _token("admin", "admin"),
    "admin's token for all": _token("admin"),
    "suspended user's cookie": _suspended_cookie,
    "suspended user's token": _suspended_token,
    "expired token": _expired_token,
    "revoked token": _revoked_token,
    "cookie after signing out": _ended_cookie,
    "local token": _local_token,
}
