"""The first run: whoever holds the code that the terminal shows becomes the admin, once.

The code follows from the installation's secret and the day, so every process prints the same one and nothing is
stored. It is good for the day that it is printed on (by the database's clock) and the next one.
"""

import base64
import hmac

from app.accounts import users
from config.database import LOCK_SETUP, locked, now
from config.settings import settings

LENGTH, GROUP = 12, 4
DAY = 86400.0  # seconds


class AlreadySetUp(Exception):
    """There is an admin."""


class WrongCode(Exception):
    """It is not the code."""


def _plain_code(day: int) -> str:
    digest = hmac.digest(settings().secret().encode(), f"setup:{day}".encode(), "sha256")
    return base64.b32encode(digest).decode()[:LENGTH]


def _today() -> int:
    """The days since 1970."""
    return int(now() // DAY)


def code() -> str:
    """The setup code as it is printed, XXXX-XXXX-XXXX."""
    plain = _plain_code(_today())
    return "-".join(plain[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _is_code(text: str) -> bool:
    plain = text.replace("-", "").replace(" ", "").upper().encode("utf-8", "replace")
    today = _today()
    return any(hmac.compare_digest(plain, _plain_code(day).encode()) for day in (today, today - 1))


def claim(text: str, name: str, password: str) -> int:
    """Make the first admin; returns the account's id. Raises AlreadySetUp, WrongCode or users.NameTaken.

    Of several claims at once one wins; the others wait for it and hash nothing.
    """
    if users.admin_exists():
        raise AlreadySetUp
    if not _is_code(text):
        raise WrongCode
    with locked(LOCK_SETUP):
        if users.admin_exists():
            raise AlreadySetUp
        return users.create(name, password, "admin")
