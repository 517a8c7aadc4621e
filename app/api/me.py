"""Whoever is asking: their quotas, their sessions and their personal tokens."""

from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app import access, limits
from app.accounts import audit, sessions, tokens
from app.accounts.identity import SCOPES, Identity, Scope
from app.accounts.users import PERMISSIONS
from app.api import people_shapes, shapes
from app.api.answers import Body, DateTime, PageQuery, answer, nothing, part
from app.errors import Problem, wrong_field
from config.database import Row, now, transaction
from pipelines.jobs.resource import rfc3339
from pipelines.jobs.submit import quota_used
from pipelines.models.account import SYSTEM
from pipelines.registry import KINDS

me = APIBlueprint(
    "me",
    __name__,
    url_prefix="/api/v1/me",
    abp_tags=[{"name": "me"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)


LONGEST_LIFE = 3653 * 86400.0  # seconds of a token; ten years


class WantedToken(Body):
    """What the token is for, what it may do, and until when."""

    label: tokens.Label = Field(examples=["backup script"])
    scopes: list[Scope] | None = Field(
        default=None,
        min_length=1,
        max_length=10,
        description="read: look; jobs: submit and steer jobs, change your own things; admin: act as admin. At most what"
        " you have yourself, which is also what it gets if you do not say.",
    )
    expires_at: DateTime | None = Field(
        default=None,
        description="At most ten years from now, and not after the token that asks. Without it: never, or with that one.",
    )


class OwnPath(BaseModel):
    """Which session or token."""

    id: str


def describe(person: Identity) -> dict[str, Any]:
    """The person who asks; the command line on the machine itself has no id."""
    return {
        "id": None if person.user_id == SYSTEM else str(person.user_id),
        "name": person.name,
        "role": "admin" if person.admin else "user",
    }


@me.get("", responses={200: people_shapes.Standing})
def show() -> Response:
    """Say who is asking"""
    person = access.signed_in()
    permissions = {kind: person.may_submit(kind) for kind in PERMISSIONS}
    more = {"permissions": permissions, "scopes": _scopes_of(person), "quotas": _quotas(person)}
    return answer({**describe(person), **more})


def _scopes_of(person: Identity) -> list[Scope]:
    """What the proof that was given is good for."""
    return [scope for scope in tokens.all_of(person.role) if scope in person.scopes]


def _quotas(person: Identity) -> dict[str, Any]:
    """Of each kind that has one; it does not bind admins."""
    limits = {name: kind.hourly() for name, kind in KINDS.items() if kind.submit_role == "user"}
    return {
        name: _describe_quota(name, person, person.hourly(name, limit))
        for name, limit in limits.items()
        if limit is not None
    }


def _describe_quota(kind: str, person: Identity, limit: int | None) -> dict[str, Any]:
    used, until = quota_used(person.user_id, kind, limit)
    return {"limit": limit, "used": used, "resets_at": rfc3339(until)}


@me.get("/sessions", responses={200: shapes.Page[people_shapes.Session]})
def list_sessions(query: PageQuery) -> Response:
    """List where you are signed in"""
    person = access.signed_in()
    rows = sessions.of_account(person.user_id)
    return part([_describe_session(row, person) for row in rows], query, "sessions")


def _describe_session(row: Row, person: Identity) -> dict[str, Any]:
    return {
        "id": row["id"],
        "agent": row["agent"],
        "address": row["address"],
        "created_at": rfc3339(row["created_at"]),
        "seen_at": rfc3339(row["seen_at"]),
        "current": (person.session or "").startswith(f"s:{row['id']}"),
    }


@me.delete("/sessions/<id>", responses={204: None})
def revoke_session(path: OwnPath) -> Response:
    """Sign out somewhere else"""
    person = access.signed_in()
    with transaction():
        if not (path.id.isalnum() and sessions.revoke(person.user_id, path.id)):
            raise Problem("not_found", "There is no such session.")
        audit.note("session.revoked", path.id, person)
    return nothing()


@me.delete("/sessions", responses={204: None})
def revoke_other_sessions() -> Response:
    """Sign out everywhere else

    Only the session that asks goes on, if it is one.
    """
    person = access.signed_in()
    with transaction():
        if ended := sessions.revoke_others(person.user_id, person.session):
            audit.note("session.revoked", "all others", person, sessions=ended)
    return nothing()


@me.get("/tokens", responses={200: shapes.Page[people_shapes.Token]})
def list_tokens(query: PageQuery) -> Response:
    """List your personal tokens"""
    rows = tokens.of_account(access.signed_in().user_id)
    return part([_describe_token(row) for row in rows], query, "tokens")


def _describe_token(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "label": row["label"],
        "scopes": [scope for scope in SCOPES if scope in row["scopes"].split(",")],
        "created_at": rfc3339(row["created_at"]),
        "expires_at": rfc3339(row["expires_at"]),
        "used_at": rfc3339(row["used_at"]),
    }


@me.post("/tokens", responses={201: people_shapes.NewToken})
def create_token(body: WantedToken) -> Response:
    """Make a personal token

    It is shown this once, and may do at most what you may do.
    """
    person = access.signed_in()
    if person.user_id == SYSTEM:
        raise Problem("no_account", "Use: medianest token create --user NAME --name LABEL")
    limits.spend_own("token", person)
    scopes, expires_at = _granted(body, person), _lifetime(body, person)
    with transaction():
        row, token = tokens.create(person.user_id, body.label, scopes, expires_at)
        told = _describe_token(row)
        audit.note("token.created", row["id"], person, label=row["label"], scopes=told["scopes"])
    return answer({**told, "token": token}, 201)


def _granted(body: WantedToken, person: Identity) -> list[Scope]:
    own = _scopes_of(person)
    wanted = own if body.scopes is None else body.scopes
    if lacking := sorted(set(wanted) - set(own)):
        raise Problem("missing_scope", f"You do not have the scope {lacking[0]} yourself.")
    return [scope for scope in own if scope in wanted]


def _lifetime(body: WantedToken, person: Identity) -> float | None:
    """When the token expires; raises the 422."""
    longest = tokens.expiry(person.session)
    if body.expires_at is None:
        return longest
    wanted, today = body.expires_at.timestamp(), now()
    if not today < wanted <= today + LONGEST_LIFE:
        raise wrong_field("expires_at", "must be in the future, at most ten years from now")
    if longest is not None and wanted > longest:
        raise wrong_field("expires_at", "must not be after the token that asks expires")
    return wanted


@me.delete("/tokens/<id>", responses={204: None})
def revoke_token(path: OwnPath) -> Response:
    """Make one of your tokens worthless"""
    person = access.signed_in()
    with transaction():
        gone = tokens.revoke(path.id, person.user_id) if path.id.isalnum() else None
        if gone is None:
            raise Problem("not_found", "There is no such token.")
        audit.note("token.revoked", gone["id"], person, label=gone["label"])
    return nothing()
