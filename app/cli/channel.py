"""One connection to the live feed, read by one thread that also has other things to do.

Written on wsproto, as simple_websocket's client is, because that one has no time limit for the
handshake, keeps back a message that arrives together with the handshake's answer and runs a thread
that outlives the command.
"""

import json
import socket
import ssl
import time
from typing import Any
from urllib.parse import quote, urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

Frame = dict[str, Any]

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 30.0  # after this long we ask whether the server is still there
CHUNK = 64 * 1024


class ChannelClosed(Exception):
    """The feed cannot be had (any more); `code` is the websocket's close code or the HTTP status."""

    def __init__(self, code: int = 1006) -> None:
        super().__init__(code)
        self.code = code


class Channel:
    """The feed of the MediaNest at `url`, after the handshake; raises ChannelClosed if there is none."""

    def __init__(self, url: str, token: str, since: str | None) -> None:
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._frames: list[Frame] = []
        self._text = ""
        self._heard = time.monotonic()
        self._asked = False
        parts = urlsplit(url)
        try:
            self._socket = _open(parts.scheme, parts.hostname or "", parts.port)
        except OSError:
            raise ChannelClosed from None
        target = parts.path.rstrip("/") + "/ws" + (f"?since={quote(since)}" if since else "")
        headers = [(b"Authorization", f"Bearer {token}".encode())]
        try:
            self._send(Request(host=parts.netloc.rpartition("@")[2], target=target, extra_headers=headers))
            self._wait_for_handshake()
        except (ChannelClosed, OSError, ProtocolError) as error:
            self._socket.close()
            raise error if isinstance(error, ChannelClosed) else ChannelClosed from None

    def _wait_for_handshake(self) -> None:
        deadline = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < deadline:
            events = self._read(deadline - time.monotonic())
            for number, event in enumerate(events):
                if isinstance(event, AcceptConnection):
                    self._handle(events[number + 1 :])
                    return
                if isinstance(event, RejectConnection):
                    raise ChannelClosed(event.status_code)
        raise ChannelClosed

    def receive(self, seconds: float) -> Frame | None:
        """The next frame, None if there is none within `seconds`; raises ChannelClosed."""
        deadline = time.monotonic() + seconds
        while not self._frames:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            try:
                self._ask_if_silent()
                self._handle(self._read(left))
            except (OSError, ProtocolError):
                self.close()
                raise ChannelClosed from None
        return self._frames.pop(0)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _ask_if_silent(self) -> None:
        silent = time.monotonic() - self._heard
        if silent > 2 * SILENT_SECONDS:
            raise ConnectionResetError
        if silent > SILENT_SECONDS and not self._asked:
            self._asked = True
            self._send(Ping())

    def _read(self, seconds: float) -> list[Event]:
        self._socket.settimeout(max(seconds, 0.001))
        try:
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            return []
        self._heard, self._asked = time.monotonic(), False
        if not data:
            raise ConnectionResetError
        self._protocol.receive_data(data)
        return list(self._protocol.events())

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    self._frames.append(json.loads(self._text))
                    self._text = ""
            elif isinstance(event, Ping):
                self._send(event.response())
            elif isinstance(event, CloseConnection):
                self.close()
                raise ChannelClosed(event.code)

    def _send(self, event: Event) -> None:
        self._socket.settimeout(CONNECT_SECONDS)
        self._socket.sendall(self._protocol.send(event))


def _open(scheme: str, host: str, port: int | None) -> socket.socket:
    secure = scheme == "https"
    connection = socket.create_connection((host, port or (443 if secure else 80)), timeout=CONNECT_SECONDS)
    if not secure:
        return connection
    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)
