"""Who is asking, and what may they do: one table of rules, and nothing is allowed that is not in it.

A bearer token counts before the cookie, and does only what its scopes allow. What a browser sends by itself, the
cookie, is believed only if the request does not come from another site.
"""

from typing import Literal
from urllib.parse import urlsplit

from flask import g, request

from app import limits
from app.accounts import audit, sessions, tokens
from app.accounts.identity import Identity
from app.envelope import SAFE_METHODS
from app.errors import Problem
from config.settings import settings

__all__ = [
    "RULES",
    "SCREENS",
    "Identity",
    "alive",
    "allow",
    "bearer",
    "check",
    "current",
    "refusal",
    "signed_in",
]

Need = Literal["public", "read", "jobs", "admin"]

# "public" asks nobody who they are; such a view may still look. The others are for people who prove who they are, by
# something that has this scope (a session has all); "admin" is for admins besides.
RULES: dict[str, Need] = {
    "pages.screen": "public",
    "pages.account": "public",
    "pages.people": "public",
    "pages.services": "public",
    "pages.audit": "public",
    "pages.static": "public",
    "pages.manifest": "public",
    "pages.favicon": "public",
    "health.alive": "public",
    "health.ready": "public",
    "health.services": "public",
    "metrics.scrape": "public",  # has a token of its own
    "docs.document": "public",
    "docs.viewer": "public",
    "docs.start": "public",
    "docs.static": "public",
    "auth.setup": "public",
    "auth.login": "public",
    "auth.logout": "public",
    "auth.begin_plex": "public",
    "auth.follow_plex": "public",
    "me.show": "read",
    "me.list_sessions": "read",
    "me.revoke_session": "jobs",
    "me.revoke_other_sessions": "jobs",
    "me.list_tokens": "read",
    "me.create_token": "jobs",
    "me.revoke_token": "jobs",
    "cookies.list_hosts": "read",
    "cookies.lend": "jobs",
    "cookies.forget": "jobs",
    "downloads.list_downloads": "read",
    "downloads.show": "read",
    "downloads.delete": "jobs",
    "jobs.submit": "jobs",
    "jobs.list_jobs": "read",
    "jobs.show": "read",
    "jobs.cancel": "jobs",
    "jobs.pause": "jobs",
    "jobs.resume": "jobs",
    "jobs.retry": "jobs",
    "jobs.events": "read",
    "kinds.list_kinds": "read",
    "services.list_services": "read",
    "services.show": "read",
    "services.history": "read",
    "services.change": "admin",
    "services.test": "admin",
    "users.list_users": "admin",
    "users.show": "admin",
    "users.change": "admin",
    "users.delete": "admin",
    "audit.list_entries": "admin",
    "queues.list_queues": "admin",
    "queues.change": "admin",
    "workers.list_workers": "admin",
    "feed.follow": "read",
}

# what the screens of the pages ask for; whoever is not signed in gets the way in at their addresses, so they are public
SCREENS: dict[str, Need] = {
    "pages.screen": "read",
    "pages.account": "read",
    "pages.people": "admin",
    "pages.services": "admin",
    "pages.audit": "admin",
}


def bearer() -> str | None:
    """The token in the Authorization header, if it is of that kind."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def current() -> Identity | None:
    """Who is asking, None if they did not prove it; looked up once a request."""
    if "identity" not in g:
        token = bearer()
        if token is not None:
            g.identity = tokens.identify(token)
        else:
            cookie = request.cookies.get(sessions.COOKIE)
            g.identity = sessions.identify(cookie) if cookie else None
    identity: Identity | None = g.identity
    return identity


def signed_in() -> Identity:
    """Who is asking; raises the 401 if nobody is known to."""
    identity = current()
    if identity is None:
        code = "not_signed_in" if bearer() is None else "invalid_token"
        raise Problem(code, headers={"WWW-Authenticate": "Bearer"})
    if identity.role == "suspended":
        raise Problem("suspended")
    return identity


def is_private(endpoint: str | None) -> bool:
    """Whether only people who prove who they are come through, and they do offer a proof."""
    offered = "Authorization" in request.headers or sessions.COOKIE in request.cookies
    return offered and RULES.get(endpoint or "", "public") != "public"


def check() -> None:
    """Let the request through or raise why not."""
    if request.routing_exception is not None:
        return  # there is no such address, and the answer says so
    _refuse_other_sites()
    need = RULES.get(request.endpoint or "")
    if need == "public":
        return
    identity = signed_in()
    if request.path.startswith("/api/v1/"):
        limits.spend_own("call", identity)
    allow(need, identity)


def allow(need: Need | None, person: Identity) -> None:
    """Raise the 403 unless this person has what is needed, which nobody has without a rule."""
    if need is None or (need == "admin" and person.role != "admin"):
        raise refusal("forbidden", person)
    if need not in person.scopes:
        raise refusal("missing_scope", person, f"It lacks the scope {need}.")


def refusal(code: str, person: Identity, detail: str = "") -> Problem:
    """The 403 for somebody who is known; written down, but once a minute for each call that they ask for again."""
    if limits.worth_telling(person.user_id, request.method, request.endpoint):
        audit.note("access.refused", f"{request.method} {request.path}", person, reason=code)
    return Problem(code, detail, headers=_LACKS_SCOPE if code == "missing_scope" else None)


_LACKS_SCOPE = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}


def _refuse_other_sites() -> None:
    """Other sites' pages can make a browser send our cookie, but not an Authorization header of ours."""
    websocket = request.url_rule is not None and request.url_rule.websocket
    if bearer() is not None or (request.method in SAFE_METHODS and not websocket):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin", "none"):
        raise Problem("cross_site")
    if origin is None:
        if websocket and sessions.COOKIE in request.cookies:
            raise Problem("cross_site", "A websocket that is opened with a cookie needs an Origin.")
    elif _host(origin) not in (request.host.lower(), _host(settings().url)):
        raise Problem("cross_site")


def _host(url: str) -> str | None:
    """Host and port as a browser spells them in an Origin; None if the text is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    usual = ":443" if parts.scheme == "https" else ":80"
    return parts.netloc.lower().removesuffix(usual) or None


def alive(keys: set[str]) -> set[str]:
    """Those of the identities' `session` keys that still prove the same person in the same role."""
    found = keys & {tokens.LOCAL_IDENTITY.session or ""}
    found |= sessions.alive([key for key in keys if key.startswith("s:")])
    found |= tokens.alive([key for key in keys if key.startswith("t:")])
    return found & keys
