"""One connected socket: frames out, pings both ways, and what happens when the other side does not read.

Lives in the hub's loop. While the write buffer is full, events wait in a dictionary where a newer one
replaces an older one of the same key; a client that is slow sees fewer steps and the same end.
"""

import asyncio
import json
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from app.feed import frames
from app.feed.ring import Viewer

WRITE_BUFFER = 64 * 1024
SEND_BUFFER = 128 * 1024  # in the kernel: the default of some megabytes would be read long after it was true
MOST_WAITING = 512
MAX_MESSAGE = 64 * 1024
MAX_READ = 1024  # of a message; the only one we know is a short one

TOO_BIG = 1009
RESTART = 1012
TRY_LATER = 1013
SESSION_ENDED = 4401
NOT_DRAINED = 4408


@dataclass(frozen=True)
class Pace:
    """The feed's times in seconds; the defaults are the contract's, tests use shorter ones."""

    ping: float = 25.0
    stall: float = 60.0  # a full buffer that is not drained for so long ends the connection
    linger: float = 10.0  # for the other side to answer our close
    recheck: float = 20.0  # of the sessions
    beat: float = 1.0  # how often the other times are looked at


@dataclass
class Counts:
    """What all clients of a hub count together."""

    events: int = 0
    coalesced: int = 0
    replays: int = 0
    resets: int = 0
    unreadable: int = 0
    lag: float = 0.0


class Client(asyncio.Protocol):
    """Silent and unread until `welcome`; `left` is called once, when it begins to close."""

    def __init__(
        self,
        viewer: Viewer,
        *,
        pace: Pace,
        counts: Counts,
        reset_frame: Callable[[], bytes],
        left: Callable[["Client"], None],
    ) -> None:
        self.viewer = viewer
        self.gone = asyncio.Event()
        self._pace = pace
        self._counts = counts
        self._reset_frame = reset_frame
        self._left = left
        self._parser = Connection(ConnectionType.SERVER)
        self._waiting: OrderedDict[str, bytes] = OrderedDict()
        self._overflowed = False
        self._paused_at: float | None = None
        self._pong_due = False
        self._next_ping = 0.0
        self._message = ""
        self._message_size = 0
        self._closing = False
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def paused(self) -> bool:
        return self._paused_at is not None

    # what the hub does

    def welcome(self, hello: bytes) -> None:
        """Begin: say hello, then listen."""
        self._transport.write(hello)
        self._next_ping = self._now() + self._pace.ping
        if not self._closing:
            self._transport.resume_reading()

    def offer(self, key: str, frame: bytes) -> None:
        """Send the frame, or keep it as the latest of its key until the client has read what it has."""
        if not self.paused:
            self._transport.write(frame)
        elif self._overflowed:
            self._counts.coalesced += 1
        else:
            self._keep(key, frame)

    def reset(self, frame: bytes) -> None:
        """Events were lost: what waits is void, the client has to read the resources again."""
        self._counts.resets += 1
        self._overflowed = False
        self._counts.coalesced += len(self._waiting)
        self._waiting.clear()
        self.offer("reset", frame)

    def tick(self, now: float) -> None:
        """Do what is due: close a client that does not drain, ping, abort one that does not answer."""
        if self._paused_at is not None:
            # A ping would wait behind the full buffer, so here only draining counts.
            if now - self._paused_at >= self._pace.stall:
                self.close(NOT_DRAINED, "not drained")
        elif now >= self._next_ping:
            if self._pong_due:
                self._transport.abort()
                return
            self._pong_due = True
            self._next_ping = now + self._pace.ping
            self._transport.write(frames.PING)

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame and wait a little for the answer."""
        if self._closing:
            return
        self._begin_to_leave()
        self._transport.write(self._parser.send(CloseConnection(code, reason)))
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.pause_reading()
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    def connection_lost(self, exc: Exception | None) -> None:
        self._begin_to_leave()
        if self._deadline is not None:
            self._deadline.cancel()
        self.gone.set()

    def pause_writing(self) -> None:
        self._paused_at = self._now()

    def resume_writing(self) -> None:
        self._paused_at = None
        self._pong_due = False
        self._next_ping = self._now() + self._pace.ping
        if self._overflowed:
            self.reset(self._reset_frame())
        while self._waiting and not self.paused:
            self._transport.write(self._waiting.popitem(last=False)[1])

    def data_received(self, data: bytes) -> None:
        if self._parser.state is ConnectionState.CLOSED:
            return
        self._parser.receive_data(data)
        for event in self._parser.events():
            self._take(event)

    # inside

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _keep(self, key: str, frame: bytes) -> None:
        """Put the frame last, so that the cursors a client sees only grow."""
        if self._waiting.pop(key, None) is not None:
            self._counts.coalesced += 1
        self._waiting[key] = frame
        if len(self._waiting) > MOST_WAITING:
            self._counts.coalesced += len(self._waiting)
            self._waiting.clear()
            self._overflowed = True

    def _begin_to_leave(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._overflowed = False
        self._waiting.clear()
        self._deadline = asyncio.get_running_loop().call_later(self._pace.linger, self._transport.abort)
        self._left(self)

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            self._answer_close(event)
        elif self._closing:
            return
        elif isinstance(event, Pong):
            self._pong_due = False
        elif isinstance(event, Ping):
            # offered, not written: pings must not fill the buffer of one who does not read
            self.offer("pong frame", self._parser.send(event.response()))
        elif isinstance(event, TextMessage | BytesMessage):
            self._collect(event)

    def _answer_close(self, event: CloseConnection) -> None:
        """The other side closes, answers our close, or broke the protocol."""
        if not self._closing:
            self._begin_to_leave()
            self._transport.write(self._parser.send(event.response()))
        self._transport.close()

    def _collect(self, event: TextMessage | BytesMessage) -> None:
        data = event.data
        self._message_size += len(data.encode() if isinstance(data, str) else data)
        if self._message_size > MAX_MESSAGE:
            self.close(TOO_BIG, "message too big")
            return
        if isinstance(data, str) and self._message_size <= MAX_READ:
            self._message += data
        if event.message_finished:
            text, self._message, self._message_size = self._message, "", 0
            if _is_ping(text):
                self.offer("pong", frames.PONG)


def _is_ping(text: str) -> bool:
    """Whether this is the contract's ping; anything else that a client says is ignored."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("type") == "ping"
