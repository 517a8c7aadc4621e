"""Argon2 hashes of passwords. Each costs 64 MiB and a tenth of a second, so few are made at once.

Whoever comes while enough others wait is refused at once: a flood of passwords takes neither the memory nor the threads
that everyone else needs. A process of one thread, such as the command line, always gets its turn.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 1024  # characters
AT_ONCE, WAITING = 2, 2
PATIENCE = 2.0  # seconds for a turn to come

_hasher = PasswordHasher()
_places = threading.BoundedSemaphore(AT_ONCE + WAITING)
_turns = threading.BoundedSemaphore(AT_ONCE)


class Busy(Exception):
    """Too many passwords are being hashed; nothing was done."""


@contextmanager
def _turn() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Busy
    try:
        if not _turns.acquire(timeout=PATIENCE):
            raise Busy
        try:
            yield
        finally:
            _turns.release()
    finally:
        _places.release()


def hashed(password: str) -> str:
    """What is stored. Raises Busy."""
    with _turn():
        return _hasher.hash(password)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; takes as long for an account that is missing (None) or has no password ("").

    Raises Busy.
    """
    with _turn():
        nobody = _nobody()
        try:
            return _hasher.verify(stored or nobody, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False
