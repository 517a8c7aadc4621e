"""From a host and a port to a connection: judged, resolved once, and made to an address that was judged."""

import asyncio
import functools
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipelines.integrations.egress import address
from pipelines.integrations.egress.address import Allowed

Resolve = Callable[[str, int], Awaitable[list[str]]]
Target = tuple[str, int]

CONNECT_SECONDS = 10.0
# A dead address must not use up the time of the next one.
_TRY_SECONDS = 3.0
# Enough that names whose servers are silent do not keep the others waiting.
_RESOLVERS = ThreadPoolExecutor(64, "resolver")


class Blocked(Exception):
    """The request leads to where nothing may be reached."""


class Unreachable(Exception):
    """`status` is the answer, `why` its reason phrase."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as the machine knows it."""
    look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_RESOLVERS, look_up)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Route:
    """The rules. With `upstream`, another proxy, names are left to that one."""

    allowed: Allowed = frozenset()
    upstream: Target | None = None
    resolve: Resolve = resolve

    async def connect(self, host: str, port: int, end: asyncio.Protocol) -> None:
        """Connect `end` to where host and port lead, or to the proxy above."""
        host = address.plain(host)
        if address.host_refusal(host, port, self.allowed):
            raise Blocked
        targets = [self.upstream] if self.upstream else await self._judged(host, port)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await _first(targets, end)
        except TimeoutError as error:
            raise Unreachable(504, "Connection timed out") from error
        except OSError as error:
            raise Unreachable(502, "Connection failed") from error

    async def _judged(self, host: str, port: int) -> list[Target]:
        spelt = address.literal(host)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = [str(spelt)] if spelt else await self.resolve(host, port)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise Unreachable(502, "Name not resolved") from error
        if not found:
            raise Unreachable(502, "Name not resolved")
        if address.key(host, port) not in self.allowed and not address.all_public(found):
            raise Blocked
        return [(one, port) for one in found]


async def _first(targets: list[Target], end: asyncio.Protocol) -> None:
    """Connect to the first target that answers."""
    loop = asyncio.get_running_loop()
    *others, last = targets
    for host, port in others:
        try:
            async with asyncio.timeout(_TRY_SECONDS):
                await loop.create_connection(lambda: end, host, port)
                return
        except OSError:
            continue
    await loop.create_connection(lambda: end, *last)
