"""Kinds: what a job can do and what it wants to know; forms and the command line are drawn from it."""

from functools import cache
from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from app import access
from app.accounts.identity import Identity
from app.api import shapes
from app.api.answers import PageQuery, part
from pipelines.kind import Kind
from pipelines.registry import KINDS

kinds = APIBlueprint(
    "kinds",
    __name__,
    url_prefix="/api/v1/kinds",
    abp_tags=[{"name": "kinds"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)


@cache
def describe(kind: Kind) -> dict[str, Any]:
    """The kind resource; `submit` says who may: user, admin, or system for nobody."""
    return {
        "name": kind.name,
        "title": kind.title,
        "queue": kind.queue,
        "params": kind.params.model_json_schema(),
        "submit": kind.submit_role,
        "every": kind.every,
        "max_attempts": kind.max_attempts,
    }


def _allowed(person: Identity, kind: Kind) -> bool:
    """Whether this person may submit jobs of the kind."""
    by_role = kind.submit_role == "user" or (kind.submit_role == "admin" and person.admin)
    return by_role and person.may_submit(kind.name)


@kinds.get("", responses={200: shapes.Page[shapes.Kind]})
def list_kinds(query: PageQuery) -> Response:
    """List the kinds of jobs"""
    person = access.signed_in()
    items = [{**describe(kind), "allowed": _allowed(person, kind)} for kind in KINDS.values()]
    return part(items, query, "kinds")
