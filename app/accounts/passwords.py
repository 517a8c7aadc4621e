"""Argon2 hashes of passwords. Each costs 64 MiB and a tenth of a second, so few are made at once."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 8, 1024  # characters

_hasher = PasswordHasher()
_turns = threading.BoundedSemaphore(2)


def hashed(password: str) -> str:
    """What is stored."""
    with _turns:
        return _hasher.hash(password)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def matches(stored: str | None, password: str) -> bool:
    """Whether it is the password; takes as long for an account that is missing (None) or has no password ("")."""
    with _turns:
        nobody = _nobody()
        try:
            return _hasher.verify(stored or nobody, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False
