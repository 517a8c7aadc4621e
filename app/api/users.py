"""The people who can sign in, for admins: what they may do, letting them in and showing them out."""

from typing import Annotated, Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, StrictBool

from app import access
from app.accounts import audit
from app.accounts.removal import remove
from app.accounts.users import Role, by_id, differences, everyone, revise, standing
from app.api import people_shapes, shapes
from app.api.answers import Body, PageQuery, answer, nothing, number_of, part
from app.errors import Problem, wrong_field
from config.database import Row, transaction
from pipelines.jobs.resource import rfc3339
from pipelines.models.account import LastAdmin

users = APIBlueprint(
    "users",
    __name__,
    url_prefix="/api/v1/users",
    abp_tags=[{"name": "admin"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)

MOST_HOURLY = 1_000_000
Quota = Annotated[int, Field(strict=True, ge=0, le=MOST_HOURLY)] | None


class Permissions(Body):
    """Which kinds of jobs they may submit; what is left out stays."""

    download: StrictBool = True
    request: StrictBool = True
    scan: StrictBool = True


class Quotas(Body):
    """How many of a kind they may submit in an hour; null: as everybody, 0: any number. What is left out stays."""

    download: Quota = None
    request: Quota = None


class Changes(Body):
    """What to change; what is left out stays."""

    role: Role = Field(
        default="user",
        description="Another role signs them out everywhere; `user` lets in who waits for approval.",
    )
    permissions: Permissions = Field(default_factory=Permissions)
    quotas: Quotas = Field(default_factory=Quotas)


class UserPath(BaseModel):
    """Which account."""

    id: str


def _describe(account: Row) -> dict[str, Any]:
    return {
        "id": str(account["id"]),
        "name": account["name"],
        "plex": account["plex_id"] is not None,
        "email": account["email"],
        "created_at": rfc3339(account["created_at"]),
        "seen_at": rfc3339(account["seen_at"]),
        **standing(account),
    }


def _no_such_user() -> Problem:
    return Problem("not_found", "There is no such user.")


def _number(path: UserPath) -> int:
    """The account's id; raises the 404 for what cannot be one."""
    number = number_of(path.id)
    if number is None:
        raise _no_such_user()
    return number


def _last_admin() -> Problem:
    return Problem("last_admin", "Make somebody else admin first.")


@users.get("", responses={200: shapes.Page[people_shapes.User]})
def list_users(query: PageQuery) -> Response:
    """List everybody who has an account, by name"""
    return part([_describe(account) for account in everyone()], query, "users")


@users.get("/<id>", responses={200: people_shapes.User})
def show(path: UserPath) -> Response:
    """Show somebody's account"""
    account = by_id(_number(path))
    if account is None:
        raise _no_such_user()
    return answer(_describe(account))


@users.patch("/<id>", responses={200: people_shapes.User})
def change(path: UserPath, body: Changes) -> Response:
    """Change what somebody may do

    With the role `suspended` nothing of theirs opens any more until an admin lifts it. What is queued stays.
    """
    wanted = body.model_dump(exclude_unset=True)
    if not any(wanted.values()):
        raise wrong_field("role", "give role, permissions or quotas")
    try:
        with transaction():
            changed = revise(_number(path), **wanted)
            if changed is None:
                raise _no_such_user()
            before, after = changed
            if changes := differences(before, after):
                audit.note("user.changed", after["name"], access.signed_in(), id=str(after["id"]), **changes)
    except LastAdmin:
        raise _last_admin() from None
    return answer(_describe(after))


@users.delete("/<id>", responses={204: None})
def delete(path: UserPath) -> Response:
    """Delete somebody's account

    Their sessions, tokens and cookies go with it, and jobs that have not ended are cancelled. Their jobs and downloads stay.
    """
    try:
        with transaction():
            gone = remove(_number(path))
            if gone is None:
                raise _no_such_user()
            audit.note(
                "user.deleted", gone["name"], access.signed_in(), id=str(gone["id"]), role=gone["role"]
            )
    except LastAdmin:
        raise _last_admin() from None
    return nothing()
