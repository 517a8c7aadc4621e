"""First run, signing in and out. The cookie is set and cleared here alone."""

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from app.accounts import sessions, users
from app.accounts import setup as first_run
from app.accounts.identity import Identity
from app.accounts.passwords import LONGEST, SHORTEST
from app.api import shapes
from app.api.answers import Body, answer, nothing
from app.api.me import describe
from app.errors import Problem, wrong_field
from config.settings import settings

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


@auth.post("/setup", responses={201: shapes.Me})
def setup(body: Claim) -> Response:
    """Make the first admin and sign them in

    Works once, for the holder of the setup code: `medianest setup-code` prints it.
    """
    try:
        account_id = first_run.claim(body.code, body.username, body.password)
    except first_run.AlreadySetUp:
        raise Problem("already_set_up", "Sign in instead.") from None
    except first_run.WrongCode:
        raise Problem("wrong_setup_code", "The command medianest setup-code prints it again.") from None
    except users.NameTaken:
        raise wrong_field("username", "is taken") from None
    return _sign_in(account_id, body.username, "admin", 201)


@auth.post("/login", responses={200: shapes.Me})
def login(body: Credentials) -> Response:
    """Sign in with name and password"""
    account = users.with_password(body.username.strip(), body.password)
    if account is None:
        raise Problem("wrong_credentials", headers={"WWW-Authenticate": "Bearer"})
    return _sign_in(account["id"], account["name"], account["role"], 200)


@auth.post("/logout", responses={204: None})
def logout() -> Response:
    """Sign out of this browser"""
    _end_old_session()
    response = nothing()
    response.delete_cookie(
        sessions.COOKIE, path=_cookie_path(), httponly=True, samesite="Lax", secure=_secure()
    )
    return response


def _sign_in(account_id: int, name: str, role: str, status: int) -> Response:
    """Always a new session: one that the browser brought along may be known to somebody else."""
    _end_old_session()
    value = sessions.begin(account_id, request.headers.get("User-Agent", ""), request.remote_addr or "")
    response = answer(describe(Identity(account_id, name, role, None)), status)
    response.set_cookie(
        sessions.COOKIE,
        value,
        max_age=int(sessions.ABSOLUTE),
        path=_cookie_path(),
        httponly=True,
        samesite="Lax",
        secure=_secure(),
    )
    return response


def _end_old_session() -> None:
    if old := request.cookies.get(sessions.COOKIE):
        sessions.end(old)


def _cookie_path() -> str:
    return settings().base_path or "/"


def _secure() -> bool:
    return request.is_secure or settings().url.startswith("https:")
