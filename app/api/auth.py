"""First run, signing in and out. The cookies are set and cleared here alone."""

from urllib.parse import urlsplit

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from app import access, limits
from app.accounts import audit, plex, sessions, users
from app.accounts import setup as first_run
from app.accounts.identity import Identity
from app.accounts.passwords import LONGEST, SHORTEST
from app.api import people_shapes, shapes
from app.api.answers import Body, Query, answer, nothing
from app.api.me import describe
from app.errors import Problem, wrong_field
from config.database import transaction
from config.settings import settings
from pipelines.integrations.plex import tv
from pipelines.jobs.resource import rfc3339

PLEX_RETRY = 10  # seconds, where plex.tv does not say

auth = APIBlueprint(
    "auth", __name__, url_prefix="/api/v1/auth", abp_tags=[{"name": "auth"}], abp_responses=shapes.ERRORS
)


class Claim(Body):
    """The code that the terminal shows, and who will be the admin."""

    code: str = Field(max_length=100, examples=["ABCD-EFGH-IJKL"])
    username: users.Name
    password: str = Field(min_length=SHORTEST, max_length=LONGEST)


class Credentials(Body):
    """Name and password of an account."""

    username: str = Field(max_length=200, pattern=r"^[^\x00]*$")
    password: str = Field(max_length=LONGEST)


class PlexQuery(Query):
    """How to sign in with Plex."""

    link: bool = Field(default=False, description="By four letters that are typed at plex.tv/link.")
    connect: bool = Field(
        default=False, description="Connect the Plex account with yours, instead of changing to its own."
    )


@auth.post("/setup", responses={201: people_shapes.Me})
def setup(body: Claim) -> Response:
    """Make the first admin and sign them in

    Works once, for the holder of the setup code: `medianest setup-code` prints it.
    """
    limits.peek("setup", request.remote_addr)
    try:
        account_id = first_run.claim(body.code, body.username, body.password)
    except first_run.AlreadySetUp:
        raise Problem("already_set_up", "Sign in instead.") from None
    except first_run.WrongCode:
        audit.note("auth.setup_failed", body.username)
        limits.spend("setup", request.remote_addr)
        raise Problem("wrong_setup_code", "The command medianest setup-code prints it again.") from None
    except users.NameTaken:
        raise wrong_field("username", "is taken") from None
    return _sign_in(Identity(account_id, body.username, "admin", None), "auth.setup", 201)


@auth.post("/login", responses={200: people_shapes.Me})
def login(body: Credentials) -> Response:
    """Sign in with name and password"""
    name = body.username.strip()
    limits.peek("sign-in", request.remote_addr, name)
    account = users.with_password(name, body.password)
    if account is None:
        _note_failure(name)
        limits.spend("sign-in", request.remote_addr, name)
        raise Problem("wrong_credentials", headers={"WWW-Authenticate": "Bearer"})
    if account["role"] == "suspended":
        audit.note("auth.login_failed", account["name"], reason="suspended")
        limits.spend("sign-in", request.remote_addr, name)
        raise Problem("suspended")
    return _sign_in(Identity(account["id"], account["name"], account["role"], None), "auth.login", 200)


def _note_failure(name: str) -> None:
    """Write down whose account it was; not what else somebody typed, which may be their password in the wrong field."""
    tried = users.find(name)
    if tried is not None:
        audit.note("auth.login_failed", tried["name"])
    else:
        audit.note("auth.login_failed", reason="no_such_account")


@auth.post("/plex", responses={201: people_shapes.PlexSignIn})
def begin_plex(query: PlexQuery) -> Response:
    """Begin to sign in with Plex

    Send the person to `auth_url`, and ask for the outcome by `GET` in the same browser. Begun again, the first is over.
    """
    limits.spend("plex", request.remote_addr)
    came_with = request.cookies.get(plex.COOKIE)
    person = _at_this_browser() if query.connect else None
    if query.connect and person is None:
        raise Problem("not_signed_in")
    try:
        begun = plex.begin(link=query.link, came_with=came_with, person=person, forward_url=_forward_url())
    except plex.Unconfigured:
        raise Problem("plex_unconfigured", "An admin connects one on the page of the services.") from None
    except tv.Away as away:
        wait = {"Retry-After": str(int(away.after or PLEX_RETRY))}
        raise Problem("plex_away", "Try again in a moment.", headers=wait) from None
    shown = {"auth_url": begun.auth_url, "code": begun.code, "expires_at": rfc3339(begun.expires_at)}
    response = answer(shown, 201)
    _set_cookie(response, plex.COOKIE, begun.value, begun.lifetime)
    return response


@auth.get("/plex", responses={200: people_shapes.PlexStanding})
def follow_plex() -> Response:
    """Ask how signing in with Plex stands

    Ask about once a second while it is `waiting`. With `signed_in` comes the session's cookie.
    """
    limits.spend("plex-look", request.remote_addr)
    standing = plex.look(request.cookies.get(plex.COOKIE), _at_this_browser())
    session = None
    if standing.enter is not None:
        try:
            session = _begin_session(standing.enter)
        except sessions.Barred as late:
            standing = plex.barred(suspended=late.suspended)
    shown = {"state": standing.state, "reason": standing.reason, "message": standing.message}
    response = answer(shown)
    if session is not None:
        _set_cookie(response, sessions.COOKIE, session, sessions.ABSOLUTE)
    if standing.over:
        _delete_cookie(response, plex.COOKIE)
    return response


@auth.post("/logout", responses={204: None})
def logout() -> Response:
    """Sign out of this browser"""
    old = request.cookies.get(sessions.COOKIE)
    person = sessions.identify(old) if old else None
    with transaction():
        _end_old_session()
        if person is not None:
            audit.note("auth.logout", person.name, person)
    response = nothing()
    _delete_cookie(response, sessions.COOKIE)
    return response


def _at_this_browser() -> Identity | None:
    """Who is signed in by cookie."""
    person = access.current()
    return person if person is not None and (person.session or "").startswith("s:") else None


def _forward_url() -> str:
    """Where Plex sends the person back to: the address they see us under, which was judged to be ours."""
    origin = request.headers.get("Origin", "") if access.bearer() is None else ""
    parts = urlsplit(origin if origin.startswith(("http://", "https://")) else settings().url)
    return f"{parts.scheme}://{parts.netloc}{settings().base_path}/"


def _sign_in(person: Identity, action: str, status: int) -> Response:
    response = answer(describe(person), status)
    try:
        with transaction():
            session = _begin_session(person.user_id)
            audit.note(action, person.name, person)
    except sessions.Barred as late:
        audit.note("auth.login_failed", person.name, reason="suspended" if late.suspended else "deleted")
        if late.suspended:
            raise Problem("suspended") from None
        raise Problem("wrong_credentials", headers={"WWW-Authenticate": "Bearer"}) from None
    _set_cookie(response, sessions.COOKIE, session, sessions.ABSOLUTE)
    return response


def _begin_session(account_id: int) -> str:
    """Always a new session: one that the browser brought along may be known to somebody else. Raises Barred."""
    value = sessions.begin(account_id, request.headers.get("User-Agent", ""), request.remote_addr or "")
    _end_old_session()  # after the account is held, in which order a suspension ends sessions too
    return value


def _end_old_session() -> None:
    if old := request.cookies.get(sessions.COOKIE):
        sessions.end(old)


def _set_cookie(response: Response, name: str, value: str, seconds: float) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(seconds),
        path=_cookie_path(),
        httponly=True,
        samesite="Lax",
        secure=_secure(),
    )


def _delete_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path=_cookie_path(), httponly=True, samesite="Lax", secure=_secure())


def _cookie_path() -> str:
    return settings().base_path or "/"


def _secure() -> bool:
    return request.is_secure or settings().url.startswith("https:")
