"""How often somebody may do something: the table of limits, and what was spent of them.

Counted by a sliding window in Redis, for all processes together, with the library `limits`. Each process also counts
for itself what it lets through: while Redis is away, or after it has forgotten everything, that still holds.
"""

import hashlib
import ipaddress
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NoReturn, TypeVar

from app.accounts import audit
from app.accounts.identity import Identity
from app.errors import Problem
from config import redis
from config.settings import settings

if TYPE_CHECKING:
    from limits.storage import RedisStorage

Answer = TypeVar("Answer")

MINUTE, HOUR = 60, 3600  # seconds
PATIENCE = 0.2  # seconds for an answer of Redis; every call waits for one
MOST_KEYS = 10_000  # that a process remembers
USUAL_CALLS = 100  # a minute; limits that follow the owner's number are meant for this one
ONE_HOUSEHOLD = 64  # bits of an IPv6 address; whoever has one address has all of its network


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` in any `seconds`, counted by the first `parts` of who asks."""

    amount: int
    seconds: int
    parts: int = 1
    follows: bool = False  # in proportion to MEDIANEST_REQUESTS_PER_MINUTE; 0 is no limit
    audited: bool = False  # the first refusal in each window

    @property
    def now(self) -> int:
        """The amount as the owner's settings have it; 0 is no limit."""
        if not self.follows:
            return self.amount
        calls = settings().requests_per_minute
        return max(1, self.amount * calls // USUAL_CALLS) if calls else 0


LIMITS: dict[str, tuple[Limit, ...]] = {
    # tries that failed, by address and name
    "sign-in": (
        Limit(10, 5 * MINUTE, parts=2, audited=True),
        Limit(30, 10 * MINUTE, audited=True),
    ),
    # wrong codes, by address
    "setup": (Limit(10, 15 * MINUTE, audited=True),),
    # sign-ins with Plex that were begun, and looks at how they stand, by address: a household has one
    "plex": (Limit(30, 5 * MINUTE),),
    "plex-look": (Limit(300, MINUTE),),
    # by account
    "token": (Limit(20, HOUR),),
    "call": (Limit(USUAL_CALLS, MINUTE, follows=True),),
    "submit": (Limit(60, MINUTE, follows=True),),
    "search": (Limit(30, MINUTE, follows=True),),
}


def peek(name: str, *who: str | int | None) -> None:
    """Raise the 429 if nothing is left of this limit, and spend nothing; `who` is an address first, or an account's id."""
    for limit, key in _counted(name, who):
        wait = counts().wait(key, limit.now, limit.seconds)
        if wait:
            _refuse(name, limit, key, wait)


def spend(name: str, *who: str | int | None) -> None:
    """Spend one of this limit or raise the 429; what is refused counts as nothing."""
    for limit, key in _counted(name, who):
        if not counts().take(key, limit.now, limit.seconds):
            _refuse(name, limit, key, counts().wait(key, limit.now, limit.seconds))


def spend_own(name: str, person: Identity) -> None:
    """Spend one of what an account has; admins are exempt."""
    if person.role != "admin":
        spend(name, person.user_id)


def worth_telling(*what: str | int | None) -> bool:
    """Whether this was not told within the last minute: asking again and again shall not fill the audit log."""
    return counts().take(f"told:{_digest(what)}", 1, MINUTE)


def _counted(name: str, who: tuple[str | int | None, ...]) -> Iterator[tuple[Limit, str]]:
    """The limits of this name that hold, each with its key, which gives neither names nor addresses away."""
    for number, limit in enumerate(LIMITS[name]):
        if limit.now:
            place, *others = who[: limit.parts]
            yield limit, f"{name}:{number}:{_digest((_household(str(place or '')), *others))}"


def _digest(parts: tuple[str | int | None, ...]) -> str:
    """What stands for these in a key, whatever their case."""
    text = "\0".join(str(part).casefold() for part in parts)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _household(address: str) -> str:
    """What counts as one place: an IPv4 address, an IPv6 network; other texts are left as they are."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped or ipaddress.ip_network((parsed.packed, ONE_HOUSEHOLD), strict=False))


def _refuse(name: str, limit: Limit, key: str, wait: float) -> NoReturn:
    if limit.audited and counts().take(f"{key}:told", 1, limit.seconds):
        audit.note("auth.limited", name)
    seconds = math.floor(wait) + 1
    spoken = f"{seconds} s" if seconds < 2 * MINUTE else f"{math.ceil(seconds / MINUTE)} min"
    raise Problem("too_many_requests", f"Try again in {spoken}.", headers={"Retry-After": str(seconds)})


class Here:
    """What this process has counted, as `limits` counts in Redis; its own memory storage starts a thread for that."""

    def __init__(self) -> None:
        self._windows: dict[
            str, tuple[float, float, int, int]
        ] = {}  # begin, length, count, count of the one before
        self._lock = threading.Lock()

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """The window before and the seconds that it still counts, this window and the seconds until it no longer does."""
        now = time.monotonic()
        begin, _, this, before = self._windows.get(key, (now, expiry, 0, 0))
        over = int((now - begin) // expiry)
        if over:
            begin, this, before = begin + over * expiry, 0, this if over == 1 else 0
        ends = begin + expiry - now
        return before, ends, this, ends + expiry

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int) -> bool:
        """Count one more if it fits."""
        with self._lock:
            if _wait(self, key, limit, expiry):
                return False
            if key not in self._windows and len(self._windows) >= MOST_KEYS:
                self._forget()
            before, ends, this, _ = self.get_sliding_window(key, expiry)
            self._windows[key] = (time.monotonic() + ends - expiry, expiry, this + 1, before)
            return True

    def _forget(self) -> None:
        """Drop what no longer counts; if all of it still does, the oldest half."""
        now = time.monotonic()
        counting = {key: each for key, each in self._windows.items() if each[0] + 2 * each[1] > now}
        if len(counting) >= MOST_KEYS:
            counting = dict(list(counting.items())[MOST_KEYS // 2 :])
        self._windows = counting


class Counts:
    """What was spent, in this process and in Redis."""

    def __init__(self) -> None:
        from limits.storage import RedisStorage  # 2 MB, for those who limit something

        self._here = Here()
        pool = redis.pool(PATIENCE)
        self._shared = RedisStorage("redis://", connection_pool=pool, key_prefix="medianest:limits")
        self._outage = redis.Outage()

    def take(self, key: str, amount: int, seconds: int) -> bool:
        """Spend one of `amount` in `seconds`; False if none is left, here or in Redis."""
        if _wait(self._here, key, amount, seconds):
            return False
        shared = self._ask(lambda storage: storage.acquire_sliding_window_entry(key, amount, seconds))
        here = shared is not False and self._here.acquire_sliding_window_entry(key, amount, seconds)
        return here if shared is None else shared

    def wait(self, key: str, amount: int, seconds: int) -> float:
        """The seconds until there is one to spend, 0 if there is now."""
        shared = self._ask(lambda storage: _wait(storage, key, amount, seconds))
        return max(shared or 0.0, _wait(self._here, key, amount, seconds))

    def _ask(self, question: "Callable[[RedisStorage], Answer]") -> Answer | None:
        """What Redis says to it, None while Redis is away."""
        if not self._outage.over():
            return None
        try:
            return question(self._shared)
        except redis.RedisError:
            self._outage.begins()
            return None


def _wait(storage: "Here | RedisStorage", key: str, amount: int, seconds: int) -> float:
    """The seconds until one more fits.

    The window before counts with the part of it that the sliding one still covers: its number falls evenly to 0 while
    `before_ends` does. When this window ends after its own `seconds` it becomes the one before, and falls as well.
    """
    before, before_ends, this, this_ends = storage.get_sliding_window(key, seconds)
    if math.floor(before * before_ends / seconds) + this < amount:
        return 0.0
    if this < amount:
        return max(before_ends - (amount - this) * seconds / before, 0.001)
    return max(this_ends - seconds, 0.001)


@cache
def counts() -> Counts:
    """This process's."""
    return Counts()
