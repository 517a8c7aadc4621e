"""Clients that speak to a proxy as bytes, and a canary to reach or not to reach."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.standins.canary import Canary

Say = Callable[..., bytes]
Answering = Callable[..., AbstractContextManager[int]]


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as listening:
        yield listening


@pytest.fixture
def say() -> Say:
    """Send bytes to a port of this machine and hear everything until the other side closes."""

    def heard(port: int, *parts: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            for part in parts:
                client.sendall(part)
            answer = b""
            while data := client.recv(65536):
                answer += data
            return answer

    return heard


@pytest.fixture
def get(say: Say) -> Callable[[int, str], bytes]:
    """GET a URL through the proxy on a port."""
    return lambda port, url: say(port, f"GET {url} HTTP/1.1\r\nHost: anything\r\n\r\n".encode("latin-1"))


@pytest.fixture
def answering() -> Answering:
    """A server for one connection: says `first`, hears a request, says `answer` and what it heard if wished."""

    def serve(listener: socket.socket, first: bytes, answer: bytes, echo: bool) -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(first)
            heard = client.recv(65536)
            client.sendall(answer + heard if echo else answer)

    @contextmanager
    def listen(answer: bytes, *, first: bytes = b"", echo: bool = False) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=serve, args=(listener, first, answer, echo))
            thread.start()
            yield int(listener.getsockname()[1])
            thread.join()

    return listen
