"""Where the feed begins: the handshake of /ws. `app.access` has decided before who may have it.

The answer to a refusal is plain HTTP, because it comes before the upgrade.
"""

from flask import Blueprint, current_app, request
from flask_sock import Sock
from simple_websocket import Server

from app import access
from app.feed.handshake import without_compression
from app.feed.hub import Hub, Viewer

feed = Blueprint("feed", __name__)
sock = Sock()


@feed.before_request
def refuse_compression() -> None:
    """Frames are built once for all clients."""
    without_compression(request.environ)


@sock.route("/ws", bp=feed)  # type: ignore[untyped-decorator]  # flask-sock has no types
def follow(ws: Server) -> None:
    """Hand the socket to the hub; the request is over."""
    person = access.signed_in()
    key = person.session or ""
    hub: Hub = current_app.extensions["feed"]
    hub.adopt(ws, Viewer(person.user_id, person.admin, person.session, key), request.args.get("since"))
