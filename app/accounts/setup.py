"""The first run: whoever holds the code that the terminal shows becomes the admin, once.

The code follows from the installation's secret, so every process prints the same one and nothing is
stored.
"""

import base64
import hashlib
import hmac

from app.accounts import users
from config.database import LOCK_SETUP, locked
from config.settings import settings

LENGTH, GROUP = 12, 4


class AlreadySetUp(Exception):
    """There is an admin."""


class WrongCode(Exception):
    """It is not the code."""


def _plain_code() -> str:
    digest = hmac.new(settings().pepper(), b"setup", hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:LENGTH]


def code() -> str:
    """The setup code as it is printed, XXXX-XXXX-XXXX."""
    plain = _plain_code()
    return "-".join(plain[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def _is_code(text: str) -> bool:
    plain = text.replace("-", "").replace(" ", "").upper()
    return hmac.compare_digest(plain.encode("utf-8", "replace"), _plain_code().encode())


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
