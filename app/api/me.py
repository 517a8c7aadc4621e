"""Whoever is asking: their quotas, their sessions and their personal tokens."""

from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app import access
from app.accounts import sessions, tokens
from app.accounts.identity import Identity
from app.api import shapes
from app.api.answers import Body, PageQuery, answer, nothing, part
from app.errors import Problem
from config.database import Row
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


class NewToken(Body):
    """What the token is for."""

    label: tokens.Label = Field(examples=["backup script"])


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


@me.get("", responses={200: shapes.Standing})
def show() -> Response:
    """Say who is asking"""
    person = access.signed_in()
    return answer({**describe(person), "quotas": _quotas(person)})


def _quotas(person: Identity) -> dict[str, Any]:
    """Of each kind that has one; it does not bind admins."""
    limits = {name: kind.hourly() for name, kind in KINDS.items() if kind.submit_role == "user"}
    return {
        name: _describe_quota(name, person, None if person.admin else limit or None)
        for name, limit in limits.items()
        if limit is not None
    }


def _describe_quota(kind: str, person: Identity, limit: int | None) -> dict[str, Any]:
    used, until = quota_used(person.user_id, kind, limit)
    return {"limit": limit, "used": used, "resets_at": rfc3339(until)}


@me.get("/sessions", responses={200: shapes.Page[shapes.Session]})
def list_sessions(query: PageQuery) -> Response:
    """List where you are signed in"""
    person = access.signed_in()
    rows = sessions.of_account(person.user_id)
    return part([_describe_session(row, person) for row in rows], query, "sessions")


def _describe_session(row: Row, person: Identity) -> dict[str, Any]:
    return {
        "id": row["id"],
        "agent": row["agent"],
        "created_at": rfc3339(row["created_at"]),
        "seen_at": rfc3339(row["seen_at"]),
        "current": (person.session or "").startswith(f"s:{row['id']}"),
    }


@me.delete("/sessions/<id>", responses={204: None})
def revoke_session(path: OwnPath) -> Response:
    """Sign out somewhere else"""
    if not (path.id.isalnum() and sessions.revoke(access.signed_in().user_id, path.id)):
        raise Problem("not_found", "There is no such session.")
    return nothing()


@me.get("/tokens", responses={200: shapes.Page[shapes.Token]})
def list_tokens(query: PageQuery) -> Response:
    """List your personal tokens"""
    rows = tokens.of_account(access.signed_in().user_id)
    return part([_describe_token(row) for row in rows], query, "tokens")


def _describe_token(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "label": row["label"],
        "created_at": rfc3339(row["created_at"]),
        "used_at": rfc3339(row["used_at"]),
    }


@me.post("/tokens", responses={201: shapes.NewToken})
def create_token(body: NewToken) -> Response:
    """Make a personal token

    It may do what you may do, and is shown this once.
    """
    person = access.signed_in()
    if person.user_id == SYSTEM:
        raise Problem("no_account", "Use: medianest token create --user NAME --name LABEL")
    row, token = tokens.create(person.user_id, body.label)
    return answer({**_describe_token(row), "token": token}, 201)


@me.delete("/tokens/<id>", responses={204: None})
def revoke_token(path: OwnPath) -> Response:
    """Make one of your tokens worthless"""
    if not (path.id.isalnum() and tokens.revoke(access.signed_in().user_id, path.id)):
        raise Problem("not_found", "There is no such token.")
    return nothing()
