"""A worker's proxy process: doors are opened and closed as the worker (gate.py) says on standard input.

Runs isolated, with nothing but the standard library. It lives on that pipe: the end of the worker, however
it came about, is its own end.
"""

import asyncio
import functools
import json
import os
import signal
from typing import Any

from pipelines.integrations.egress.proxy import Door
from pipelines.integrations.egress.route import Route


class _Orders(asyncio.Protocol):
    """What the worker says on standard input: {"open": id, "allowed": [[host, port]], "upstream": [host, port]
    or null} and {"close": id}. Its end is ours."""

    def __init__(self) -> None:
        self._heard = bytearray()
        self._doors: dict[int, Door] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        *lines, rest = self._heard.split(b"\n")
        self._heard = bytearray(rest)
        for line in lines:
            order = json.loads(line)
            if "open" in order:
                task = asyncio.get_running_loop().create_task(self._open(order))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            elif door := self._doors.pop(order["close"], None):
                door.close()

    def connection_lost(self, exc: Exception | None) -> None:
        os._exit(0)

    async def _open(self, order: dict[str, Any]) -> None:
        number = order["open"]
        allowed = frozenset((host, port) for host, port in order["allowed"])
        upstream = tuple(order["upstream"]) if order["upstream"] else None
        door = Door(Route(allowed, upstream), functools.partial(_say_refused, number))
        self._doors[number] = door
        _say({"opened": {"id": number, "port": await door.listen()}})


def _say_refused(number: int, host: str) -> None:
    _say({"refused": {"id": number, "host": host}})


def _say(message: dict[str, Any]) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


async def _obey() -> None:
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(_Orders, os.fdopen(0, "rb", buffering=0))
    await loop.create_future()


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # meant for the worker, whose end ends us
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(_obey())


if __name__ == "__main__":
    main()
