"""Decide which screen a visitor gets. Everything on it is REST and the feed.

Who is not signed in gets the set-up or the sign-in at the address of any screen, and the screen afterwards.

Every address in the templates is relative, so that the page works below any path of a proxy. The
address of the static files carries a fingerprint of their content: browsers keep them for good and
an update is still seen at once, without a build.
"""

import hashlib
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app import access
from app.accounts import users
from app.accounts.plex import COOKIE as SIGN_IN_COOKIE
from pipelines.models.connection import outlines

STATIC = Path(__file__).parent / "static"
ONE_YEAR = 365 * 24 * 3600


def fingerprint(folder: Path) -> str:
    """Twelve hexadecimal digits that change with any file below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


ASSETS = f"assets/{fingerprint(STATIC)}"

pages = Blueprint(
    "pages",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path=f"/{ASSETS}",
)


@pages.after_request
def cache(response: Response) -> Response:
    """Static files stay (their address changes with them), screens depend on who is asking."""
    if request.endpoint != "pages.static" or current_app.debug:
        response.headers["Cache-Control"] = "no-store"
    elif response.status_code == 200:
        response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    return response


@pages.get("/")
def screen() -> str | AnyResponse:
    """First run, sign-in or home."""
    if not request.environ.get("PATH_INFO"):
        return redirect(f"{request.root_path}/")  # relative addresses need the closing slash
    return _shown("home.html")


@pages.get("/account")
def account() -> str:
    """Whoever asks: what they may do, where they are signed in, their tokens."""
    person = access.current()
    account = users.by_id(person.user_id) if person else None
    linkable = account is not None and account["plex_id"] is None and _plex_is_connected()
    return _shown("account.html", account=account, linkable=linkable)


@pages.get("/people")
def people() -> str:
    """Who may come in, and what each of them may do."""
    return _shown("people.html")


@pages.get("/services")
def services() -> str:
    """How Plex and the others are reached; the first screen after the set-up."""
    return _shown("services.html", welcome="welcome" in request.args)


@pages.get("/audit", endpoint="audit")
def audit_log() -> str:
    """What has happened here."""
    return _shown("audit.html")


def _shown(template: str, **words: Any) -> str:
    """A screen for whoever may see it, the way in for who is not signed in; raises the 403."""
    if access.current() is None:
        return _way_in()
    person = access.signed_in()
    access.allow(access.SCREENS[request.endpoint or ""], person)
    return render_template(template, assets=ASSETS, person=person, **words)


def _way_in() -> str:
    if not users.admin_exists():
        return render_template("setup.html", assets=ASSETS)
    plex = _plex_is_connected()
    returning = plex and SIGN_IN_COOKIE in request.cookies
    return render_template("sign-in.html", assets=ASSETS, plex=plex, returning=returning)


def _plex_is_connected() -> bool:
    return outlines()["plex"].url is not None


@pages.get("/manifest.webmanifest")
def manifest() -> Response:
    """What a phone needs to put the page on its home screen."""
    icon = {"src": f"{ASSETS}/icon.svg", "type": "image/svg+xml", "sizes": "any", "purpose": "any"}
    response = jsonify(
        name="MediaNest",
        short_name="MediaNest",
        start_url="./",
        scope="./",
        display="standalone",
        background_color="#0e1516",
        theme_color="#0e1516",
        icons=[icon],
    )
    response.mimetype = "application/manifest+json"
    return response


@pages.get("/favicon.ico")
def favicon() -> Response:
    """For pages that name no icon of their own, such as the API's documentation."""
    return pages.send_static_file("icon.svg")
