"""What is around every request and answer: the request id, rules for bodies, security headers, the measured time.

Other sites' scripts read nothing, unless the owner names their origins: then they may use the API, with a token of
their own, for nothing here lets a browser send our cookie along. The lines for it are our own, because flask-cors
answers a preflight only after `app.access` has refused it for want of a token, and costs each request 18 µs.
"""

import json
import re
import secrets
import time
from typing import Any

import structlog
from flask import Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

from app.errors import Problem, wrong_field
from config.metrics import HTTP_SECONDS
from config.settings import settings

log = structlog.get_logger(__name__)

LARGEST_BODY = 1 << 20  # bytes
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}  # what a metric's label may say
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

CONTENT_POLICY = (
    "default-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none';"
    " form-action 'self'"
)
DEFAULT_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HSTS = {
    "Strict-Transport-Security": f"max-age={180 * 24 * 3600}"
}  # this host alone; others may have no certificate
CORS_EXPOSED = "Location, Retry-After, X-Request-ID"
CORS_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Request-ID",
    "Access-Control-Max-Age": "600",
}


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


class StrictJson(DefaultJSONProvider):
    """JSON as the standard has it: in UTF-8, no NaN, and no nesting that only a deeper stack could read."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """The value of a JSON text; raises ValueError."""
        try:
            return _decoder.decode(s if isinstance(s, str) else s.decode("utf-8-sig"))
        except RecursionError:
            raise ValueError("nested too deeply") from None


def begin() -> None:
    """Name the request; the name stands in its answer, its logs and the jobs that it submits."""
    offered = request.headers.get("X-Request-ID", "")
    g.request_id = offered if REQUEST_ID.fullmatch(offered) else secrets.token_hex(16)
    g.began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def answer_preflight() -> Response | None:
    """Tell a browser what the pages of a named origin may ask of the API; nobody is signed in at that point."""
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers and _named_origin():
        return Response(status=204, headers=CORS_PREFLIGHT)
    return None


def _named_origin() -> str | None:
    """The origin that asks, if it is one of MEDIANEST_CORS_ORIGINS and asks the API."""
    origin = request.headers.get("Origin")
    named = origin in settings().cors_origins and request.path.startswith("/api/")
    return origin if named else None


def check_body() -> None:
    """Read the body of a call that takes one, or refuse it."""
    if (_length() or 0) > LARGEST_BODY:
        raise Problem("body_too_large", "At most 1 MiB is read.")
    if _takes_body():
        read_body()


def optional_body() -> Any:
    """The body of a call that can do without; None if there is none."""
    sent = request.content_length or "Transfer-Encoding" in request.headers
    return read_body() if sent else None


def read_body() -> dict[str, Any]:
    """The JSON object that is the body; raises the refusal."""
    if _length() is None:
        raise Problem("length_required")
    if not request.is_json:
        raise Problem("not_json", "Say so with the header Content-Type: application/json.")
    try:
        body = request.get_json()  # stays with the request, for the view's model
    except BadRequest:
        raise Problem("malformed_json") from None
    if not isinstance(body, dict):
        raise wrong_field("body", "must be an object")
    return body


def _length() -> int | None:
    """The bytes of the body, as the client says; werkzeug takes an empty header for 0."""
    return request.content_length if request.headers.get("Content-Length") else None


def _takes_body() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method not in SAFE_METHODS and "body" in getattr(view, "__annotations__", {})


def finish(response: Response) -> Response:
    """Complete the answer and note how long it took."""
    headers = response.headers
    present = {name.lower() for name, _ in headers}
    headers.extend([(name, value) for name, value in _usual().items() if name.lower() not in present])
    headers["X-Request-ID"] = g.request_id
    if settings().cors_origins:
        _share(response)
    seconds = time.perf_counter() - g.began
    method, rule, status = request.method, request.url_rule, response.status_code
    method = method if method in METHODS else "other"
    route = rule.rule if rule else "none"
    HTTP_SECONDS.labels(method, route, str(status)).observe(seconds)
    if method not in SAFE_METHODS or status >= 500:
        log.info("request", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))
    return response


def _usual() -> dict[str, str]:
    return DEFAULT_HEADERS | HSTS if settings().url.startswith("https:") else DEFAULT_HEADERS


def _share(response: Response) -> None:
    """Let scripts of a named origin read the answer."""
    response.vary.add("Origin")
    if origin := _named_origin():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = CORS_EXPOSED
