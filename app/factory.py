"""The web application: the pages, the REST API and the feed, put together in reading order."""

import sys
from contextlib import suppress

import structlog
from flask import g, request
from flask_openapi.openapi import OpenAPI

from app import access, envelope, errors
from app.accounts import sessions
from app.api import shapes
from app.api.audit import audit
from app.api.auth import auth
from app.api.cookies import cookies
from app.api.docs import docs
from app.api.downloads import downloads
from app.api.health import health
from app.api.jobs import jobs
from app.api.kinds import kinds
from app.api.me import me
from app.api.metrics import metrics
from app.api.queues import queues
from app.api.services import services
from app.api.users import users
from app.api.workers import workers
from app.errors import Problem
from app.feed.handshake import SERVER_OPTIONS
from app.feed.hub import Hub
from app.feed.routes import feed
from app.pages.views import pages
from app.proxy import BehindProxy
from config import database, logging, schema
from config.settings import settings

log = structlog.get_logger(__name__)

BOOT_ERROR = 3  # with this exit code gunicorn's master gives up instead of starting the worker again
HOLD_NOTHING = frozenset({"feed.follow", "services.change", "services.test"})
"""Calls that keep no connection to the database: the feed stays open for hours, the others wait for a service."""
NEEDS_NO_SCHEMA = ("health.alive", "health.ready", "health.services")

DESCRIPTION = (
    "Times are RFC 3339 in UTC, ids are opaque. Sign in by cookie (`POST /api/v1/auth/login`) or send a personal"
    " token as bearer. Errors are problem+json. The live feed is a websocket at `/ws`."
)


def build() -> OpenAPI:
    """A new application. Ends the process if the database's schema is not ours."""
    logging.configure("web")
    database.bind(settings().database_url)
    app = _described()
    errors.register(app)
    app.before_request(envelope.begin)
    app.before_request(envelope.answer_preflight)
    _require_schema(app)
    app.before_request(_hold_connection)
    app.before_request(access.check)
    app.before_request(envelope.check_body)
    app.after_request(envelope.finish)
    app.teardown_request(_let_connection_go)
    for api in (
        health,
        metrics,
        auth,
        me,
        cookies,
        jobs,
        downloads,
        kinds,
        services,
        users,
        audit,
        queues,
        workers,
    ):
        app.register_api(api)
    for blueprint in (docs, pages, feed):
        app.register_blueprint(blueprint)
    app.extensions["feed"] = Hub(settings().redis_url, access.alive)
    proxied = BehindProxy(app.wsgi_app, settings().trusted_proxies, settings().base_path)
    app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


def _hold_connection() -> None:
    """Let all of a call's questions to the database use one connection."""
    if access.is_private(request.endpoint) and request.endpoint not in HOLD_NOTHING:
        held = database.database.connection_context()
        with suppress(*database.AWAY):  # whoever asks it something will say so
            held.__enter__()
            g.held = held


def _let_connection_go(_error: BaseException | None) -> None:
    held = g.pop("held", None)
    if held is not None:
        held.__exit__(None, None, None)


def _described() -> OpenAPI:
    """An empty application that knows how its documentation begins."""
    app = OpenAPI(
        __name__,
        static_folder=None,
        info={"title": "MediaNest", "version": "1", "description": DESCRIPTION},
        servers=[{"url": settings().base_path or "/"}],
        security_schemes={
            "session": {"type": "apiKey", "in": "cookie", "name": sessions.COOKIE},
            "token": {"type": "http", "scheme": "bearer", "bearerFormat": "mnp_…"},
        },
        validation_error_model=shapes.Problem,
        validation_error_callback=errors.refuse_input,
        doc_ui=False,
    )
    app.config["MAX_CONTENT_LENGTH"] = envelope.LARGEST_BODY
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
    app.json = envelope.StrictJson(app)
    return app


def _require_schema(app: OpenAPI) -> None:
    """Refuse to start with another schema; while the database is away, to serve before that is known."""
    try:
        schema.require_current()
    except schema.SchemaMismatch as error:
        print(f"medianest: {error}", file=sys.stderr)
        raise SystemExit(BOOT_ERROR) from None
    except database.AWAY:
        log.warning("the database is away; its schema is looked at once it is back")
        app.before_request(_SchemaGate().check)


class _SchemaGate:
    """Closed until the schema was seen to be ours."""

    def __init__(self) -> None:
        self._open = False

    def check(self) -> None:
        """Let requests pass that need no database, and all once the schema is known."""
        if self._open or request.endpoint in NEEDS_NO_SCHEMA:
            return
        try:
            schema.require_current()
        except schema.SchemaMismatch:
            raise Problem("schema_mismatch") from None
        self._open = True
