"""Take the TCP socket over from flask-sock's handshake, so that a feed costs no thread.

Measured: a socket that stays with flask-sock pins a pool thread and starts a reader thread; 8 of them
stop an 8-thread worker. After `take` the request is over for gunicorn within a millisecond.
"""

import os
import socket
from collections.abc import Callable
from typing import Any

from simple_websocket import Server


class NoThread:
    """Stands where simple_websocket starts its reader thread; the hub does the reading."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        self.target = target

    def start(self) -> None:
        """Start nothing."""


SERVER_OPTIONS = {"thread_class": NoThread}  # for SOCK_SERVER_OPTIONS


def without_compression(environ: dict[str, Any]) -> None:
    """Forget the browser's offer of permessage-deflate, before flask-sock accepts it.

    Measured: it costs 130 KB a client, and prebuilt frames could not be shared.
    """
    environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)


def take(ws: Server) -> socket.socket:
    """The connected socket, ours from now on; `ws` is closed and its server gets a dead end instead.

    The server's descriptor must stay valid: gunicorn closes it itself, and miscounts its connections
    if it cannot.
    """
    theirs = ws.sock
    assert theirs is not None  # simple_websocket would have refused the handshake
    ours = theirs.dup()
    near, far = socket.socketpair()
    with near, far:
        os.dup2(near.fileno(), theirs.fileno(), inheritable=False)
    ws.connected = False
    ours.setblocking(False)
    return ours
