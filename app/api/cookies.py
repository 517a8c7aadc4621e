"""The cookies that whoever is asking lends to their own downloads: written and forgotten, never read back."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app import access
from app.accounts import audit
from app.api import people_shapes, shapes
from app.api.answers import Body, PageQuery, nothing, part
from app.errors import Problem, wrong_field
from config.database import Row, transaction
from pipelines.jobs.resource import rfc3339
from pipelines.models import cookie
from pipelines.models.account import SYSTEM

LARGEST = 32 << 10  # bytes
HTTP_ONLY = "#HttpOnly_"
HEADER = "# Netscape HTTP Cookie File\n"
FLAGS = ("TRUE", "FALSE")

_EXPIRY = re.compile(r"(?:-?[0-9]{1,15}(?:\.[0-9]{1,15})?)?")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")  # what a header can carry

cookies = APIBlueprint(
    "cookies",
    __name__,
    url_prefix="/api/v1/me/cookies",
    abp_tags=[{"name": "me"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)


class LentCookies(Body):
    """What a browser's export of cookies holds."""

    cookies: str = Field(
        max_length=LARGEST,
        repr=False,
        description="A cookies.txt in Netscape's format, at most 32 KiB; only lines for the host are kept.",
        examples=[".example.com\tTRUE\t/\tTRUE\t1893456000\tsession\t…"],
    )


class HostPath(BaseModel):
    """For which host."""

    host: str


@cookies.get("", responses={200: shapes.Page[people_shapes.CookieHost]})
def list_hosts(query: PageQuery) -> Response:
    """List the hosts for which you lend cookies"""
    rows = cookie.hosts_of(access.signed_in().user_id)
    return part([_describe(row) for row in rows], query, "cookies")


def _describe(row: Row) -> dict[str, Any]:
    return {"host": row["host"], "created_at": rfc3339(row["created_at"])}


@cookies.put("/<host>", responses={204: None})
def lend(path: HostPath, body: LentCookies) -> Response:
    """Lend cookies to your downloads from a host

    They are stored encrypted, never shown again, and used only when a download without them was refused.
    """
    person = access.signed_in()
    if person.user_id == SYSTEM:
        raise Problem("no_account", "Cookies belong to an account; use a token of that account.")
    host = cookie.host_name(path.host)
    if host is None:
        raise wrong_field("host", "is not the name of a host")
    kept = _kept(host, body.cookies)
    with transaction():
        cookie.put(person.user_id, host, kept)
        audit.note("cookies.stored", host, person)
    return nothing()


@cookies.delete("/<host>", responses={204: None})
def forget(path: HostPath) -> Response:
    """Take back the cookies for a host"""
    person, host = access.signed_in(), cookie.host_name(path.host)
    with transaction():
        if host is None or not cookie.delete(person.user_id, host):
            raise Problem("not_found", "You lend no cookies for this host.")
        audit.note("cookies.forgotten", host, person)
    return nothing()


def _kept(host: str, text: str) -> str:
    """The cookies that a request to `host` or below may carry, one spelling each; raises the 422."""
    if len(text.encode()) > LARGEST:
        raise wrong_field("cookies", "must be at most 32 KiB")
    lines = list(_lines(host, text))
    if not lines:
        raise wrong_field("cookies", "holds no cookie for this host")
    return HEADER + "".join(lines)


def _lines(host: str, text: str) -> Iterator[str]:
    above = cookie.reach(host)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r").removeprefix(HTTP_ONLY)
        if line.startswith("#") or not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) != 7:
            raise wrong_field("cookies", f"line {number} has not seven fields with tabs between them")
        domain = cookie.host_name(fields[0].removeprefix("."))
        if domain is not None and (domain in above or domain.endswith(f".{host}")):
            yield _line(domain, fields, number)


def _line(domain: str, fields: list[str], number: int) -> str:
    """One cookie in the spelling of which no reader complains."""
    dotted, (below, path, secure, expiry, name, value) = fields[0].startswith("."), fields[1:]
    below, secure = below.upper(), secure.upper()
    if below not in FLAGS or secure not in FLAGS or not path.startswith("/") or not _EXPIRY.fullmatch(expiry):
        raise wrong_field("cookies", f"line {number} is not in Netscape's format")
    if not all(map(_PRINTABLE.fullmatch, (path, name, value))):
        raise wrong_field("cookies", f"line {number} holds characters that no cookie can")
    whole = dotted or below == "TRUE"
    seconds = max(0, int(float(expiry or 0)))
    shown = (f".{domain}", "TRUE") if whole else (domain, "FALSE")
    return "\t".join([*shown, path, secure, str(seconds), name, value]) + "\n"
