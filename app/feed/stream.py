"""The event stream in Redis, read: entries in order, and the certainty that none was lost in between.

A stream that was emptied looks like one in which nothing happens. Therefore an epoch key stands beside
it: whoever finds it missing sets a new one and leaves a `reset` entry for everybody else.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from app.feed import frames
from app.feed.ring import RING_SIZE, ZERO, Cursor, Entry, Ring, read_cursor, spell
from config.json_text import read_json
from config.redis import FEED_LENGTH, FEED_STREAM, RedisError, follower

__all__ = ["EPOCH", "Lost", "RedisError", "Reset", "Stream", "Unreadable"]

EPOCH = f"{FEED_STREAM}:epoch"
BLOCK_SECONDS = 1.0
BATCH = 200

ENSURE_EPOCH = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'reset', '1')
end
return redis.call('GET', KEYS[1])
"""


class Lost(Exception):
    """The stream was emptied or cut beyond where we read: begin again."""


@dataclass(frozen=True)
class Reset:
    """A publisher lost events before this place."""

    cursor: Cursor


@dataclass(frozen=True)
class Unreadable:
    """An entry that is not ours, or of a version to come."""

    cursor: Cursor


Item = Entry | Reset | Unreadable


class Stream:
    """A reader of its own connection. Its methods raise RedisError or OSError while Redis is away."""

    def __init__(self, url: str) -> None:
        self._epoch: bytes | None = None
        self._redis: Any = follower(url, BLOCK_SECONDS + 2.0)

    async def begin(self, *, size: int = RING_SIZE) -> Ring:
        """A ring of the newest entries; `read` goes on from its end."""
        fresh = secrets.token_hex(8)
        self._epoch = await self._redis.eval(ENSURE_EPOCH, 2, EPOCH, FEED_STREAM, fresh, FEED_LENGTH)
        found = await self._redis.xrevrange(FEED_STREAM, count=size)
        items = [_item(*raw) for raw in reversed(found)]
        ring = Ring(size=size)
        if len(items) >= size:
            ring.cut(items.pop(0).cursor)  # there may have been others before it
        for item in items:
            put(ring, item)
        return ring

    async def read(self, after: Cursor) -> list[Item]:
        """What came after `after`, waiting up to BLOCK_SECONDS; Lost if something between is gone."""
        async with self._redis.pipeline(transaction=False) as round_trip:
            round_trip.xread({FEED_STREAM: spell(after)}, count=BATCH, block=int(BLOCK_SECONDS * 1000))
            round_trip.get(EPOCH)
            answer, epoch = await round_trip.execute()
        if epoch != self._epoch:
            raise Lost
        items = [_item(*raw) for _, found in answer for raw in found]
        if len(items) == BATCH and await self._trimmed_beyond(after):
            raise Lost
        return items

    async def close(self) -> None:
        await self._redis.aclose()

    async def _trimmed_beyond(self, after: Cursor) -> bool:
        """Whether a reader this far behind, frozen perhaps, was overtaken by the stream's end."""
        oldest = await self._redis.xrange(FEED_STREAM, count=1)
        return after != ZERO and bool(oldest) and _cursor(oldest[0][0]) > after


def put(ring: Ring, item: Item) -> bool:
    """Let the ring pass the item; whether it is news to be shown."""
    if isinstance(item, Entry):
        return ring.add(item)
    if isinstance(item, Reset):
        ring.cut(item.cursor)
        return True
    ring.pass_over(item.cursor)
    return False


def _cursor(raw: bytes) -> Cursor:
    cursor = read_cursor(raw.decode())
    assert cursor is not None  # Redis made it
    return cursor


def _item(raw_id: bytes, fields: dict[bytes, bytes]) -> Item:
    cursor = _cursor(raw_id)
    if b"reset" in fields:
        return Reset(cursor)
    try:
        said = read_json(fields[b"f"])
        return Entry(
            cursor=cursor,
            owner=fields[b"o"].decode(),
            admins=fields[b"a"] == b"1",
            key=fields[b"k"].decode(),
            revision=int(fields[b"r"]),
            frame=frames.message(said.pop("type"), cursor, said),
        )
    except (KeyError, ValueError, AttributeError, TypeError, RecursionError):
        return Unreadable(cursor)
