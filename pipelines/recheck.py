"""The `recheck` kind: look whether the people whom Plex let in still have access, each of them once a day.

Only what plex.tv or the server says about a person counts. While either is away, or the server refuses our own token
too, nothing changes, and they are looked at again an hour later.
"""

from typing import Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict

from config.database import Row, transaction
from pipelines.integrations.plex import access, server, tv
from pipelines.kind import Context, Kind
from pipelines.models import audit, plex_account
from pipelines.models.account import SYSTEM, LastAdmin, keep_an_admin, set_role
from pipelines.models.secret import SecretLost

log = structlog.get_logger(__name__)

HOUR = 3600.0
DAY = 24 * HOUR

Verdict = Literal["kept", "lost", "unknown"]


class Params(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid")


def run(context: Context, params: Params) -> dict[str, Any]:
    """Check those whose turn it is; who lost access is suspended and signed out everywhere."""
    found = {"checked": 0, "kept": 0, "lost": 0, "unknown": 0}
    rows = plex_account.unchecked(DAY)
    for number, row in enumerate(rows):
        context.progress(percent=100.0 * number / len(rows), stage="checking", done=number, total=len(rows))
        found["checked"] += 1
        try:
            found[_check(row)] += 1
        except (tv.Away, server.Away, SecretLost, _Doubt) as trouble:
            log.warning("the access of an account is not known", account=row["id"], reason=str(trouble))
            found["unknown"] += 1
            if isinstance(trouble, tv.Away) and trouble.after is not None:
                break  # plex.tv asks to slow down, so the others have their turn in an hour
    return dict(found)


class _Doubt(Exception):
    """Nothing was found out about the person."""


def _check(row: Row) -> Verdict:
    token = _token(row)
    try:
        proof = access.prove(token)
    except tv.Revoked:
        return _lost(row, "token_revoked")
    except access.NoAccess as refusal:
        if refusal.listed and not access.refusals_count():
            raise _Doubt("The server does not accept the configured token either.") from None
        return _lost(row, "no_access")
    _ping(token)
    return "kept" if plex_account.note_check(row, proof.server_token) else "unknown"


def _token(row: Row) -> str:
    from config.vault import VaultError

    try:
        return plex_account.plex_token(row)
    except VaultError as error:
        raise _Doubt(str(error)) from None


def _ping(token: str) -> None:
    """Keep the token alive; if that fails it is alive all the same."""
    try:
        tv.ping(token)
    except (tv.Away, tv.Revoked):
        log.info("plex.tv does not take the sign of life of a token")


def _lost(row: Row, reason: str) -> Verdict:
    """Suspend the person, but never the last admin: nobody would be left to connect Plex again."""
    with transaction():
        spared = _is_last_admin(
            row["id"]
        )  # locks the admins in their order, so it comes before the row alone
        if not plex_account.note_check(row):
            return "unknown"
        if not spared:
            set_role(row["id"], "suspended", "access")
        audit.record(
            "user.access_lost",
            actor_id=SYSTEM,
            actor="",
            target=row["name"],
            detail={"reason": reason, "suspended": not spared},
        )
    if not spared:
        return "lost"
    log.warning(
        "the last admin has no access at Plex any more",
        account=row["id"],
        reason=reason,
        advice="Sign in with Plex again.",
    )
    return "kept"


def _is_last_admin(account_id: int) -> bool:
    try:
        keep_an_admin(account_id)
    except LastAdmin:
        return True
    return False


KIND = Kind(
    name="recheck",
    title="Check who still has access at Plex",
    params=Params,
    run=run,
    every=HOUR,
    max_attempts=2,
    submit_role="system",
)
