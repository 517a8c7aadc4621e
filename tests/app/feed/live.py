"""A real web process with a feed, someone who publishes to it, and clients of good and bad manners."""

import base64
import itertools
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Self
from urllib.parse import urlencode

import redis
from websockets.sync.client import ClientConnection, connect
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, TextMessage

from tests.app.web_process import OWN_CONFIGURATION, PATIENCE, Gunicorn

STREAM = "medianest:feed"

Message = dict[str, Any]


class FeedServer(Gunicorn):
    """gunicorn with the project's own configuration and the small application."""

    application = "tests.app.feed.small_app:app"
    sign = ("/hello", 200)

    def __init__(
        self, redis_url: str, *, threads: int = 8, per_user: int = 0, worker: str = "", **pace: float
    ) -> None:
        options = ["--threads", str(threads), *(["-k", worker] if worker else [])]
        super().__init__("feed", {}, *OWN_CONFIGURATION, *options)
        self.ended = self.directory / "ended"
        self.ended.touch()
        self.environment |= {
            "REDIS_URL": redis_url,
            "MEDIANEST_DATA_DIR": str(self.directory / "data"),
            "FEED_ENDED": str(self.ended),
            "FEED_PER_USER": str(per_user),
            "FEED_PACE": json.dumps(pace),
        }

    def get(self, path: str) -> bytes:
        return self.ask("GET", path)[1]

    def stats(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.get("/stats"))
        return answer

    def address(self, **query: str) -> str:
        return f"/ws?{urlencode(query)}"

    def connect(self, **query: str) -> "Follower":
        """A well-behaved client, after its hello."""
        return Follower(f"ws://127.0.0.1:{self.port}{self.address(**query)}")

    def reload(self) -> None:
        """Ask gunicorn for new workers."""
        os.kill(self.pid, signal.SIGHUP)


class Follower:
    """A client that reads; `hello` is the first message it got."""

    def __init__(self, url: str) -> None:
        self._open = ExitStack()
        self.connection: ClientConnection = self._open.enter_context(connect(url, max_queue=None))
        self.hello = self.next()
        self.cursor: str = self.hello["cursor"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def next(self) -> Message:
        message: Message = json.loads(self.connection.recv(timeout=PATIENCE))
        self.cursor = message.get("cursor", "")
        return message

    def until(self, last: Callable[[Message], bool]) -> list[Message]:
        """All messages up to one for which `last` holds, that one included."""
        messages = [self.next()]
        while not last(messages[-1]):
            messages.append(self.next())
        return messages

    def until_key(self, key: str) -> list[Message]:
        return self.until(lambda message: message.get("key") == key)

    def until_reset(self) -> list[Message]:
        return self.until(lambda message: message["type"] == "reset")


class Publisher:
    """Does what the job core does with an event."""

    def __init__(self, url: str) -> None:
        self.redis: Any = redis.Redis.from_url(url)
        self._numbers = itertools.count(1)

    def publish(
        self,
        key: str,
        *,
        owner: str = "2",
        admins: bool = True,
        revision: int = 0,
        padding: int = 0,
        **more: Any,
    ) -> str:
        """Send one event; the answer is its cursor."""
        frame = {"type": "job", "key": key, "number": next(self._numbers), "sent": time.monotonic(), **more}
        fields = {
            "o": owner,
            "a": "1" if admins else "0",
            "k": key,
            "r": str(revision),
            "f": json.dumps({**frame, "revision": revision, "padding": "x" * padding}),
        }
        cursor: bytes = self.redis.xadd(STREAM, fields, maxlen=10_000, approximate=True)
        return cursor.decode()

    def lose_events(self) -> str:
        cursor: bytes = self.redis.xadd(STREAM, {"reset": "1"})
        return cursor.decode()


class Socket:
    """A client of bad manners: reads only when told to, and answers no ping."""

    def __init__(self, server: FeedServer, *, receive_buffer: int = 4096, **query: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", server.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {server.address(**query)} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self._parser = Connection(ConnectionType.CLIENT)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, event: Event) -> None:
        self.socket.sendall(self._parser.send(event))

    def events(self) -> Iterator[Event]:
        """What the server sent and sends, to the end of the connection; a text comes whole."""
        text = ""
        while data := self.socket.recv(65536):
            self._parser.receive_data(data)
            for event in self._parser.events():
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        yield TextMessage(text)
                        text = ""
                else:
                    yield event

    def messages(self) -> Iterator[Message]:
        for event in self.events():
            assert isinstance(event, TextMessage | Ping), event
            if isinstance(event, TextMessage):
                yield json.loads(event.data)

    def close_code(self) -> int:
        """Read to the close frame."""
        return next(event.code for event in self.events() if isinstance(event, CloseConnection))
