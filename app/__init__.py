"""The front doors: web pages, REST API, live feed and command line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask_openapi.openapi import OpenAPI


def create_app() -> "OpenAPI":
    """The web application of this process; call it after the fork."""
    # loaded here, because the command line lives in this package and starts without the web
    from app.factory import build

    return build()
