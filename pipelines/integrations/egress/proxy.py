"""The proxy: one request for each connection, judged, answered, and then bytes that pass either way."""

import asyncio
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from pipelines.integrations.egress import heads
from pipelines.integrations.egress.address import Allowed
from pipelines.integrations.egress.gather import Gather
from pipelines.integrations.egress.heads import Answer, Malformed, Request
from pipelines.integrations.egress.route import Blocked, Route, Unreachable

_LINGER_SECONDS = 2.0
_MOST_CONNECTIONS = 64
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_REASONS = {
    400: "Bad request", 405: "Method not allowed", 411: "Length required", 431: "Head too large",
    503: "Too many connections",
}  # fmt: skip


@dataclass
class Door:
    """A listening port and its rules. `refused` is told each host that was refused."""

    route: Route
    refused: Callable[[str], None] = lambda _: None
    most: int = _MOST_CONNECTIONS
    ends: set["_Near"] = field(default_factory=set)
    closed: bool = False
    _server: asyncio.Server | None = None

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Open it; the answer is the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(self), host, port, backlog=self.most)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Close it, and cut what is still connected through it."""
        self.closed = True
        if self._server:
            self._server.close()
        for end in list(self.ends):
            end.transport.abort()


class _End(asyncio.Protocol):
    """One end of a connection: `take` gets what is heard there; when either end is gone, so is the other."""

    transport: asyncio.Transport
    take: Callable[[bytes], None]
    other: "_End | None" = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = self.transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        self.take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()


class _Near(_End):
    """The client's end: one request, and then bytes for nobody but the server of that request."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.take = self._head
        self._heard = bytearray()
        self._left = 0
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.door.closed:  # it was accepted just before
            return self.transport.abort()
        self.door.ends.add(self)
        if len(self.door.ends) > self.door.most:
            self.fail(503)
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.door.ends.discard(self)

    def fail(self, status: int, why: str = "", refused: str | None = None) -> None:
        """Answer that it is not to be, wait a moment for the client to read it."""
        headers = []
        if refused is not None:
            self.door.refused(refused)
            headers = [(heads.REFUSED, "blocked_address")]
        self.take = _ignore
        self.transport.write(heads.plain_answer(status, why or _REASONS[status], headers))
        self.transport.write_eof()
        self.transport.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.transport.abort)

    def _head(self, data: bytes) -> None:
        self._heard += data
        try:
            end = heads.end(self._heard)
            request = heads.request(bytes(self._heard[:end])) if end else None
        except Malformed as error:
            return self.fail(error.status)
        if request:
            self.transport.pause_reading()
            rest, self._heard = bytes(self._heard[end:]), bytearray()
            self._task = asyncio.get_running_loop().create_task(self._serve(request, rest))
        return None

    async def _serve(self, request: Request, rest: bytes) -> None:
        far = _Far(self, request)
        try:
            await self.door.route.connect(request.host, request.port, far)
        except Blocked:
            return self.fail(403, "Blocked address", request.host)
        except Unreachable as error:
            return self.fail(error.status, error.why)
        if self.transport.is_closing():
            return far.transport.abort()
        far.other, self.other = self, far
        far.start(rest)
        return None

    def pass_body(self, length: int, rest: bytes) -> None:
        """Hear the body of the request, of which `rest` is here already."""
        self._left = length
        self.take = self._body
        self.transport.resume_reading()
        self.take(rest)

    def _body(self, data: bytes) -> None:
        """Pass on as much as the request announced; what follows is heard by nobody."""
        if self._left and self.other:
            self.other.transport.write(data[: self._left])
            self._left = max(0, self._left - len(data))


class _Far(_End):
    """The server's end, or that of the proxy above."""

    def __init__(self, near: _Near, request: Request) -> None:
        self.take = self._head
        self._near = near
        self._request = request
        self._heard = bytearray()
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()  # until the request is on its way
        self._gather = Gather(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._gather.heard(len(data))
        self.take(data)

    def start(self, rest: bytes) -> None:
        """Send the request on its way; `rest` is what followed its head."""
        upstream, request = self._near.door.route.upstream, self._request
        if upstream or not request.tunnel:
            self.transport.write(request.to_proxy() if upstream else request.to_origin())
        if not request.tunnel:
            self._near.pass_body(request.length, rest)
        else:
            self._early = rest
            if not upstream:
                self._established(b"")
        self.transport.resume_reading()

    def _established(self, rest: bytes) -> None:
        """The tunnel stands: bytes pass both ways from here on."""
        self.take = self._near.transport.write
        self.take(_ESTABLISHED + rest)
        self._near.take = self._ask
        self._near.transport.resume_reading()
        self._near.take(self._early)

    def _ask(self, data: bytes) -> None:
        self._gather.begin()
        self.transport.write(data)

    def eof_received(self) -> None:
        if self.take == self._head:
            self._give_up(502, "Answer cut short")

    def _head(self, data: bytes) -> None:
        self._heard += data
        try:
            while end := heads.end(self._heard, sloppy=True):
                answer = heads.answer(bytes(self._heard[:end]))
                del self._heard[:end]
                if answer.status >= 200:
                    return self._answered(answer, bytes(self._heard))
        except Malformed:
            self._give_up(502, "Answer not understood")
        return None

    def _answered(self, answer: Answer, rest: bytes) -> None:
        self._heard = bytearray()
        if answer.refused and self._near.door.route.upstream:
            self._give_up(403, "Blocked address", self._request.host)
        elif not self._request.tunnel:
            self.take = self._near.transport.write
            self.take(answer.to_client() + rest)
        elif answer.status < 300:
            self._established(rest)
        else:
            self._give_up(answer.status if answer.status >= 400 else 502, answer.reason)

    def _give_up(self, status: int, why: str, refused: str | None = None) -> None:
        self.take = _ignore
        self.other = self._near.other = None
        self.transport.abort()
        self._near.fail(status, why, refused)


def _ignore(data: bytes) -> None:
    pass


async def serve(host: str, port: int, allowed: Allowed, most: int = 8 * _MOST_CONNECTIONS) -> None:
    """One door for everybody who reaches it, until the process is told to end."""
    door = Door(Route(allowed), most=most)
    await door.listen(host, port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    door.close()
