"""Decide which screen a visitor gets: set-up, sign-in or home. Everything else is REST and the feed.

Every address in the templates is relative, so that the page works below any path of a proxy. The
address of the static files carries a fingerprint of their content: browsers keep them for good and
an update is still seen at once, without a build.
"""

import hashlib
from pathlib import Path

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app import access
from app.accounts import users

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
    """The one page: first run, sign-in or home."""
    if not request.environ.get("PATH_INFO"):
        return redirect(f"{request.root_path}/")  # relative addresses need the closing slash
    person = access.current()
    if person is not None:
        return render_template("home.html", assets=ASSETS, person=person)
    if users.admin_exists():
        return render_template("sign-in.html", assets=ASSETS)
    return render_template("setup.html", assets=ASSETS)


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
