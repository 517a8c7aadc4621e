"""Many websockets in one process, read as cheaply as can be: `python -m bench.sockets PORT PATH COUNT TOKEN`.

Prints `connected` when all are, then reads until its input closes, and prints as JSON how many frames came and
how old they were. Ages come from `"sent":SECONDS` (CLOCK_MONOTONIC) in each frame.
"""

import asyncio
import base64
import json
import os
import resource
import statistics
import sys
import time

MARK = b'"sent":'
AT_ONCE = 25  # handshakes


class Reader(asyncio.Protocol):
    """One socket; frames of a server are not masked."""

    def __init__(self, ages: list[float]) -> None:
        self.open = asyncio.Event()
        self._ages = ages
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Count the whole frames in what came."""
        data = self._rest + data
        if not self.open.is_set():
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            if b" 101 " not in data[:30]:
                raise AssertionError(data[:500])
            self.open.set()
            data = data[end + 4 :]
        now = time.monotonic()
        place = 0
        while len(data) - place >= 4:
            length, head = data[place + 1], 2
            if length == 126:
                length, head = int.from_bytes(data[place + 2 : place + 4], "big"), 4
            if len(data) - place < head + length:
                break
            found = data.find(MARK, place, place + head + length)
            if found >= 0:
                begin = found + len(MARK)
                self._ages.append(now - float(data[begin : begin + 16].split(b",")[0]))
            place += head + length
        self._rest = data[place:]


def request(port: int, path: str, token: str) -> bytes:
    """The opening handshake."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Authorization: Bearer {token}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()


async def connect(port: int, path: str, token: str, ages: list[float]) -> asyncio.Transport:
    """One socket, open."""
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(lambda: Reader(ages), "127.0.0.1", port)
    transport.write(request(port, path, token))
    await asyncio.wait_for(reader.open.wait(), 30)
    return transport


async def follow(port: int, path: str, count: int, token: str) -> None:
    """Connect all, read until told to stop, tell what came."""
    ages: list[float] = []
    open_ones: list[asyncio.Transport] = []
    while len(open_ones) < count:
        some = min(AT_ONCE, count - len(open_ones))
        open_ones += await asyncio.gather(*(connect(port, path, token, ages) for _ in range(some)))
    print("connected", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    cuts = statistics.quantiles(ages, n=100) if len(ages) > 1 else [0.0] * 99
    print(
        json.dumps(
            {"frames": len(ages), "p50": cuts[49] * 1000, "p95": cuts[94] * 1000, "p99": cuts[98] * 1000}
        )
    )


def main() -> None:
    """Follow."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port, path, count, token = sys.argv[1:]
    asyncio.run(follow(int(port), path, int(count), token))


if __name__ == "__main__":
    main()
