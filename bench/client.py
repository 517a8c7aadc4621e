"""A load of HTTP requests over keep-alive connections: raw sockets and bytes made beforehand, cheap beside any server."""

import re
import select
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

PATIENCE = 20.0  # seconds without any answer
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Load:
    """What a server answered in `seconds`."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)  # seconds from each request to the end of its answer
    refused: list[str] = field(default_factory=list)  # answers that are not 2xx

    @property
    def answers(self) -> int:
        return len(self.waits)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    def require_success(self) -> None:
        """AssertionError with the first answer that is not 2xx, or if there is none at all."""
        if self.refused:
            raise AssertionError(f"{len(self.refused)} of {self.answers} were refused: {self.refused[0]}")
        if not self.waits:
            raise AssertionError("no request was answered")


class _Connection:
    """One request at a time, the next as soon as the answer to the last is complete."""

    def __init__(self, port: int, requests: Iterator[bytes], load: Load) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests, self._load = requests, load
        self._received = b""
        self._sent = 0.0

    def ask(self) -> bool:
        """Send the next request; False if there is none."""
        request = next(self._requests, None)
        if request is None:
            return False
        self._sent = time.perf_counter()
        self.socket.sendall(request)
        return True

    def read(self) -> bool:
        """Take what has come; whether the answer is complete."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed a connection")
        answer = self._received + data
        self._received = answer
        head = answer.find(b"\r\n\r\n")
        if head < 0:
            return False
        length = LENGTH.search(answer, 0, head)
        assert length is not None, answer[:head]
        if len(answer) < head + 4 + int(length[1]):
            return False
        self._received = b""
        self._load.waits.append(time.perf_counter() - self._sent)
        if answer[9:10] != b"2":
            self._load.refused.append(answer.decode(errors="replace"))
        return True


def drive(port: int, streams: list[Iterator[bytes]], seconds: float) -> Load:
    """Send each stream's requests over a connection of its own, until they are used up or the time is over."""
    load = Load()
    connections = [_Connection(port, stream, load) for stream in streams]
    poller = select.epoll()
    busy = {each.socket.fileno(): each for each in connections}
    for number in busy:
        poller.register(number, select.EPOLLIN)
    began = time.perf_counter()
    for number in [number for number, each in busy.items() if not each.ask()]:
        del busy[number]
    while busy:
        ready = poller.poll(PATIENCE)
        if not ready:
            raise TimeoutError(f"no answer within {PATIENCE:g} s")
        for number, _ in ready:
            connection = busy[number]
            if connection.read() and (time.perf_counter() - began > seconds or not connection.ask()):
                del busy[number]
    load.seconds = time.perf_counter() - began
    poller.close()
    for connection in connections:
        connection.socket.close()
    return load
