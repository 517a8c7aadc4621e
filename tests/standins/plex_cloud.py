"""What all requests to the stand-in for plex.tv share: the accounts, the PINs, and what its list of resources hides."""

import time
from collections.abc import Callable

from tests.standins.plex_http import Listener
from tests.standins.plex_people import Accounts, Person, Player, Server
from tests.standins.plex_pins import Pins


class Cloud(Listener):
    """`resources_empty`, `players_first` and `expired_is_200` are switches: see `plex_tv`."""

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(host, port)
        self.accounts = Accounts()
        self.pins = Pins(clock)
        self.resources_empty = False
        self.players_first = False
        self.expired_is_200 = False

    def add(self, *all_of: Person | Server | Player) -> None:
        self.accounts.add(*all_of)

    def claim(self, code: str, person: Person, client: str = "") -> str:
        """What a person does in the browser, without one; the token that the PIN now holds."""
        pin = self.pins.claim(code, lambda: self.accounts.sign_in(person), client)
        if pin is None or pin.token is None:
            raise LookupError(f"no PIN waits under {code!r}")
        return pin.token

    def expire(self, pin: int | str) -> None:
        """Let a PIN be over, named by its id or its code."""
        self.pins.expire(pin)

    def revoke(self, token: str) -> None:
        self.accounts.revoke(token)

    def share(self, server: Server, person: Person) -> None:
        self.accounts.share(server, person)

    def unshare(self, server: Server, person: Person) -> None:
        self.accounts.unshare(server, person)
