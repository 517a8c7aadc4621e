"""Whatever goes wrong is answered as problem+json (RFC 9457) that tells nothing about our insides.

A browser that asks for a page, not for the API, gets the same as a small page. `CODES` is the list of all codes; the
documentation of the API shows it.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, g, render_template, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from app.accounts import passwords
from config.database import AWAY
from pipelines.models.secret import SecretLost

log = structlog.get_logger(__name__)

RETRY_AFTER = 5  # seconds, while the database is away
PASSWORD_RETRY = 1  # seconds, while too many passwords are being hashed
LONGEST_FIELD = 100  # characters of a field's name that are repeated

SECRET_LOST = (
    "A secret of this installation does not open. Whoever runs it has to put the old secret key back, or run"
    " `medianest secrets forget`."
)

FieldError = dict[str, str]

CODES: dict[str, tuple[int, str]] = {
    "malformed_request": (400, "The request cannot be understood"),
    "malformed_json": (400, "The body is not valid JSON"),
    "not_signed_in": (401, "Nobody is signed in"),
    "invalid_token": (401, "The token is not valid"),
    "wrong_credentials": (401, "Name or password is not right"),
    "forbidden": (403, "This is for admins"),
    "missing_scope": (403, "The token may not be used for this"),
    "suspended": (403, "The account is suspended"),
    "not_permitted": (403, "An admin does not let you do this"),
    "cross_site": (403, "The request comes from another site"),
    "wrong_setup_code": (403, "The setup code is not right"),
    "priority_reserved": (403, "Priorities above 4 are for admins"),
    "no_account": (403, "The local token belongs to no account"),
    "not_found": (404, "There is nothing here"),
    "method_not_allowed": (405, "This cannot be done here"),
    "wrong_state": (409, "The job's state does not allow this"),
    "duplicate_job": (409, "The same job of somebody else is under way"),
    "last_admin": (409, "Nobody else would be admin"),
    "changed_meanwhile": (409, "Somebody else has changed it meanwhile"),
    "plex_unconfigured": (409, "No Plex server is connected"),
    "already_set_up": (409, "MediaNest is set up already"),
    "length_required": (411, "The request needs a Content-Length"),
    "body_too_large": (413, "The body is too large"),
    "not_json": (415, "The body must be JSON"),
    "invalid_fields": (422, "Some fields are not right"),
    "key_reused": (422, "The idempotency key belongs to another request"),
    "too_many_requests": (429, "Too many of these in a short time"),
    "quota_used_up": (429, "The hour's quota is used up"),
    "internal": (500, "Something went wrong inside MediaNest"),
    "database_away": (503, "The database cannot be reached"),
    "plex_away": (503, "plex.tv cannot be reached"),
    "secret_lost": (503, "The secret key of this installation is gone"),
    "schema_mismatch": (503, "The database is not at this version's schema"),
}

_OF_STATUS = {status: code for code, (status, _) in reversed(CODES.items())}


class Problem(Exception):
    """Ends a request with one of CODES; `errors` name the fields that are not right."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


def wrong_field(field: str, message: str) -> Problem:
    """The 422 for one field."""
    return Problem("invalid_fields", f"{field}: {message}", errors=[{"field": field, "message": message}])


def wrong_fields(error: ValidationError, prefix: str = "") -> Problem:
    """The 422 for what a model refused; names fields below `prefix`, never repeats what was sent."""
    errors = [
        {"field": _field_name(prefix, each["loc"]), "message": each["msg"].removeprefix("Value error, ")}
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors[:3])
    return Problem("invalid_fields", detail, errors=errors)


def _field_name(prefix: str, place: tuple[int | str, ...]) -> str:
    return (prefix + ".".join(str(part) for part in place))[:LONGEST_FIELD] or "body"


def refuse_input(error: ValidationError) -> None:
    """What flask-openapi calls when a query or body does not fit its model."""
    raise wrong_fields(error)


def register(app: Flask) -> None:
    """Answer every exception."""
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(passwords.Busy, _busy)
    app.register_error_handler(SecretLost, _secret_lost)
    for away in AWAY:
        app.register_error_handler(away, _database_away)
    app.register_error_handler(Exception, _unexpected)


def answer_problem(problem: Problem) -> Response:
    """What the client gets for it."""
    return _answer(problem.code, problem.detail, errors=problem.errors, headers=problem.headers)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    code = _OF_STATUS.get(status, "malformed_request" if status < 500 else "internal")
    headers = {
        name: value for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")
    }
    return _answer(code, status=status, headers=headers)


def _database_away(error: Exception) -> Response:
    log.warning("the database is away", error=type(error).__name__)
    return _answer("database_away", "Try again in a moment.", headers={"Retry-After": str(RETRY_AFTER)})


def _busy(_error: Exception) -> Response:
    detail = "Many passwords are being checked; try again in a moment."
    return _answer("too_many_requests", detail, headers={"Retry-After": str(PASSWORD_RETRY)})


def _secret_lost(error: SecretLost) -> Response:
    log.error("a secret of the installation does not open", reason=str(error))
    return _answer("secret_lost", SECRET_LOST)


def _unexpected(_error: Exception) -> Response:
    log.exception("the request broke")
    return _answer("internal", "The log has more under this request id.")


def _answer(
    code: str,
    detail: str = "",
    *,
    status: int | None = None,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    usual, title = CODES[code]
    body: dict[str, Any] = {
        "type": f"urn:medianest:problem:{code}",
        "title": title,
        "status": status or usual,
        "detail": detail or f"{title}.",
        "instance": quote(request.root_path + request.path),
        "code": code,
        "request_id": g.get("request_id", ""),
    }
    if errors is not None:
        body["errors"] = errors
    if _wants_page():
        return Response(render_template("error.html", **body), status or usual, headers, mimetype="text/html")
    return Response(json.dumps(body), status or usual, headers, content_type="application/problem+json")


def _wants_page() -> bool:
    """Whether a browser asks, and for something that people look at."""
    if f"{request.path}/".startswith("/api/"):
        return False
    best = request.accept_mimetypes.best_match(["application/problem+json", "application/json", "text/html"])
    return best == "text/html"
