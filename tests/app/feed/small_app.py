"""The smallest application with a feed, for tests of the feed alone: who is asking stands in the URL.

Run by gunicorn with the real configuration. FEED_PACE (JSON) shortens the feed's times; a key in the
file FEED_ENDED is a session that has ended.
"""

import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import Server

from app.feed.handshake import SERVER_OPTIONS, without_compression
from app.feed.hub import Hub, Pace, Viewer

ENDED = Path(os.environ["FEED_ENDED"])


def alive(keys: set[str]) -> set[str]:
    ended = set(ENDED.read_text().split())
    if "fault" in ended:
        return None  # type: ignore[return-value]  # a fault of the program
    return keys - ended


app = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS
pace = Pace(**json.loads(os.environ["FEED_PACE"]))
per_user = int(os.environ["FEED_PER_USER"])
caps = {"per_user": per_user} if per_user else {}
hub = Hub(os.environ["REDIS_URL"], alive, pace=pace, **caps)
app.extensions["feed"] = hub
sock = Sock(app)


@app.before_request
def plain_frames() -> None:
    without_compression(request.environ)


@sock.route("/ws")  # type: ignore[untyped-decorator]
def feed(ws: Server) -> None:
    user, key = request.args.get("user", "2"), request.args.get("key", "key")
    viewer = Viewer(int(user), "admin" in request.args, key, key)
    hub.adopt(ws, viewer, request.args.get("since"))


@app.get("/hello")
def hello() -> str:
    return "hello"


@app.get("/slow")
def slow() -> str:
    """A request in flight: answers once the client's file is there."""
    while not ENDED.with_name("go").exists():
        time.sleep(0.01)
    return "slow"


@app.get("/stats")
def stats() -> dict[str, Any]:
    return {**dataclasses.asdict(hub.stats()), "pid": os.getpid()}
