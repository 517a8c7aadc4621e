"""Who has an account at the stand-in for plex.tv, which servers and players there are, and whose token opens what.

An account has as many tokens as devices are signed in to it. A server is not entered with these (but by its
owner): everybody it is shared with has another token for it, which lives exactly as long as the share.
"""

import itertools
import secrets
import threading
from dataclasses import dataclass, field

_NUMBERS = itertools.count(41_000_001, 7)


def new_token() -> str:
    """Twenty characters, as plex.tv makes them."""
    return secrets.token_urlsafe(15)


@dataclass(eq=False)
class Person:
    """An account; a managed one lives in somebody's Plex Home and has neither user name nor address.

    `pin` is what plex.tv tells of the four digits that protect an account in a Home: a hash.
    """

    name: str
    email: str | None = None
    id: int = field(default_factory=lambda: next(_NUMBERS))
    uuid: str = field(default_factory=lambda: secrets.token_hex(8))
    token: str = field(default_factory=new_token)
    managed: bool = False
    home: bool = False
    plex_pass: bool = False
    pin: str | None = None


@dataclass(eq=False)
class Server:
    """A media server; `port` is None as long as it does not run."""

    name: str
    owner: Person
    machine_identifier: str = field(default_factory=lambda: secrets.token_hex(20))
    shared_with: list[Person] = field(default_factory=list)
    version: str = "1.43.3.10896-cb3ebc72d"
    id: int = field(default_factory=lambda: next(_NUMBERS))
    address: str = "127.0.0.1"
    port: int | None = None


@dataclass(eq=False)
class Player:
    """An app that somebody is signed in to; it stands in his list of resources beside his servers."""

    name: str
    owner: Person
    client_identifier: str = field(default_factory=lambda: secrets.token_hex(12))
    provides: str = "client,player,pubsub-player"
    token: str | None = None


class Accounts:
    """All of them, safe to change while servers answer from it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._people: list[Person] = []
        self._servers: list[Server] = []
        self._players: list[Player] = []
        self._tokens: dict[str, Person] = {}
        self._access: dict[tuple[Server, Person], str] = {}

    def add(self, *all_of: Person | Server | Player) -> None:
        with self._lock:
            for one in all_of:
                if isinstance(one, Person):
                    self._people.append(one)
                    self._tokens[one.token] = one
                elif isinstance(one, Server):
                    self._servers.append(one)
                else:
                    self._players.append(one)

    @property
    def people(self) -> list[Person]:
        with self._lock:
            return list(self._people)

    def person(self, number: int) -> Person | None:
        return next((person for person in self.people if person.id == number), None)

    def person_of(self, token: str) -> Person | None:
        with self._lock:
            return self._tokens.get(token)

    def sign_in(self, person: Person) -> str:
        """A new device is signed in to the account: its token."""
        token = new_token()
        with self._lock:
            self._tokens[token] = person
        return token

    def revoke(self, token: str) -> None:
        """One device is signed out."""
        with self._lock:
            self._tokens.pop(token, None)

    def revoke_all(self, person: Person) -> None:
        """The password was changed and all devices are signed out."""
        with self._lock:
            self._tokens = {token: one for token, one in self._tokens.items() if one is not person}

    def share(self, server: Server, person: Person) -> None:
        with self._lock:
            if person not in server.shared_with:
                server.shared_with.append(person)

    def unshare(self, server: Server, person: Person) -> None:
        with self._lock:
            if person in server.shared_with:
                server.shared_with.remove(person)
            self._access.pop((server, person), None)

    def servers_of(self, person: Person) -> list[Server]:
        """Those that he owns or that are shared with him."""
        with self._lock:
            return [one for one in self._servers if person is one.owner or person in one.shared_with]

    def players_of(self, person: Person) -> list[Player]:
        with self._lock:
            return [one for one in self._players if person is one.owner]

    def owned_by(self, person: Person, machine_identifier: str) -> Server | None:
        servers = self.servers_of(person)
        mine = (one for one in servers if one.owner is person)
        return next((one for one in mine if one.machine_identifier == machine_identifier), None)

    def access_token(self, server: Server, person: Person) -> str:
        """His token for this server, the same as long as the share lives."""
        with self._lock:
            return self._access.setdefault((server, person), new_token())

    def entering(self, server: Server, token: str) -> Person | None:
        """Who enters the server with the token; None if it opens nothing there."""
        with self._lock:
            if self._tokens.get(token) is server.owner:
                return server.owner
            for (entered, person), known in self._access.items():
                welcome = person is server.owner or person in server.shared_with
                if entered is server and known == token and welcome:
                    return person
            return None
