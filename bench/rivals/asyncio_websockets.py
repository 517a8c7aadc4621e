"""The rival of the feed: one asyncio process that reads the same Redis stream and broadcasts it with `websockets`.

Knows no users, no cursors and no slow clients; without compression, and `broadcast` encodes each frame once for all.
`python -m bench.rivals.asyncio_websockets PORT REDIS_URL`
"""

import asyncio
import resource
import sys
from typing import Any

from redis.asyncio import Redis
from websockets.asyncio.server import ServerConnection, broadcast, serve

STREAM = "medianest:feed"

clients: set[ServerConnection] = set()


async def keep(client: ServerConnection) -> None:
    """A client stays until it goes."""
    clients.add(client)
    try:
        await client.wait_closed()
    finally:
        clients.discard(client)


async def follow(redis: Any) -> None:
    """Pass on what comes."""
    last: bytes | str = "$"
    while True:
        for _, entries in await redis.xread({STREAM: last}, count=200, block=1000):
            for number, fields in entries:
                last = number
                if b"f" in fields:
                    broadcast(clients, fields[b"f"].decode())


async def main(port: int, redis_url: str) -> None:
    """Serve."""
    redis = Redis.from_url(redis_url, socket_timeout=3, protocol=2)
    async with serve(keep, "127.0.0.1", port, compression=None, ping_interval=25, backlog=2048):
        await follow(redis)


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
