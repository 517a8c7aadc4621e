"""The PINs of the stand-in for plex.tv: made by a client, claimed by a person, read by the same client."""

import itertools
import secrets
import string
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

STRONG_LETTERS = 25
LINK_LETTERS = 4
_NUMBERS = itertools.count(2_300_000_011, 13)


@dataclass
class Pin:
    id: int
    code: str
    client: str
    product: str
    created: float
    expires: float
    token: str | None = None

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.created), UTC)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.expires), UTC)


class Pins:
    """All PINs; `lifetime` (of those with four letters) and `strong_lifetime` are in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.lifetime = 900.0
        self.strong_lifetime = 1800.0
        self._lock = threading.Lock()
        self._pins: list[Pin] = []

    def make(self, client: str, product: str, *, strong: bool) -> Pin:
        letters = string.ascii_lowercase if strong else string.ascii_uppercase
        size = STRONG_LETTERS if strong else LINK_LETTERS
        with self._lock:
            code = _code(letters, size)
            while any(pin.code == code for pin in self._pins):
                code = _code(letters, size)
            made = self.clock()
            expires = made + (self.strong_lifetime if strong else self.lifetime)
            pin = Pin(next(_NUMBERS), code, client, product, made, expires)
            self._pins.append(pin)
            return pin

    def by_id(self, number: int) -> Pin | None:
        with self._lock:
            return next((pin for pin in self._pins if pin.id == number), None)

    def claim(self, code: str, sign_in: Callable[[], str], client: str = "") -> Pin | None:
        """Hand a token to the PIN with this code; None if there is none that waits, or not of this client.

        Small and capital letters are the same, for the code is typed by hand.
        """
        with self._lock:
            for pin in self._pins:
                waits = pin.token is None and not self.is_over(pin)
                if waits and pin.code.lower() == code.strip().lower() and client in ("", pin.client):
                    pin.token = sign_in()
                    return pin
        return None

    def is_over(self, pin: Pin) -> bool:
        return self.clock() >= pin.expires

    def expire(self, pin: int | str) -> None:
        """Let a PIN be over at once, named by its id or its code."""
        with self._lock:
            for one in self._pins:
                if pin in (one.id, one.code):
                    one.expires = self.clock()

    @property
    def all(self) -> list[Pin]:
        """Every PIN ever made, oldest first."""
        with self._lock:
            return list(self._pins)


def _code(letters: str, size: int) -> str:
    return "".join(secrets.choice(letters + string.digits) for _ in range(size))
