"""Where the feed begins: the handshake of /ws. `app.access` has decided before who may have it.

The answer to a refusal is plain HTTP, because it comes before the upgrade.
"""

from flask import Blueprint, Response, current_app, request
from flask_sock import Sock
from simple_websocket import Server
from wsproto.utilities import RemoteProtocolError

from app import access
from app.errors import Problem, answer_problem
from app.feed.handshake import without_compression
from app.feed.hub import Hub, Viewer

feed = Blueprint("feed", __name__)
sock = Sock()


@feed.before_request
def refuse_compression() -> None:
    """Frames are built once for all clients."""
    without_compression(request.environ)


@feed.errorhandler(RemoteProtocolError)
def refuse_handshake(_error: RemoteProtocolError) -> Response:
    """A header of the handshake is missing or of another version (RFC 6455, section 4.2.2)."""
    problem = Problem(
        "malformed_request",
        "This is no handshake for a websocket of version 13.",
        headers={"Sec-WebSocket-Version": "13"},
    )
    return answer_problem(problem)


@sock.route("/ws", bp=feed)  # type: ignore[untyped-decorator]  # flask-sock has no types
def follow(ws: Server) -> None:
    """Hand the socket to the hub; the request is over."""
    person = access.signed_in()
    key = person.session or ""
    hub: Hub = current_app.extensions["feed"]
    hub.adopt(ws, Viewer(person.user_id, person.admin, person.session, key), request.args.get("since"))
