"""The API's description for programs, and a viewer of it for people that loads nothing from elsewhere."""

from functools import cache
from pathlib import Path
from typing import Any, cast

import flask_openapi_swagger  # type: ignore[import-untyped]
from flask import Blueprint, Response, current_app
from flask_openapi.openapi import OpenAPI

from app.api.answers import answer

VIEWER = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"

docs = Blueprint("docs", __name__, url_prefix="/api/v1", static_folder=VIEWER, static_url_path="/docs/viewer")

# the viewer writes style attributes and carries its icons as data
CONTENT_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; object-src 'none'; form-action 'self'"
)

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>The API of MediaNest</title>
  <link rel="icon" href="docs/viewer/images/swagger.svg" type="image/svg+xml">
  <link rel="stylesheet" href="docs/viewer/css/swagger-ui.css">
</head>
<body>
  <div id="api"></div>
  <script src="docs/viewer/js/swagger-ui-bundle.js"></script>
  <script src="docs/start.js"></script>
</body>
</html>
"""

START = """SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


@docs.get("/openapi.json")
def document() -> Response:
    """The description of every call."""
    return answer(_description(cast(OpenAPI, current_app._get_current_object())))  # type: ignore[attr-defined]


@cache
def _description(app: OpenAPI) -> dict[str, Any]:
    return app.api_doc


@docs.get("/docs")
def viewer() -> Response:
    """The viewer's page."""
    return Response(PAGE, headers={"Content-Security-Policy": CONTENT_POLICY}, mimetype="text/html")


@docs.get("/docs/start.js")
def start() -> Response:
    """What opens the viewer; a file of its own because the page may hold no script."""
    return Response(START, mimetype="text/javascript")
