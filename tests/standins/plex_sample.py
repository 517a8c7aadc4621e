"""A sample of people and servers at the stand-ins for plex.tv and a media server."""

import contextlib
from types import TracebackType
from typing import Self

from tests.standins.plex_people import Person, Player, Server
from tests.standins.plex_server import PlexServer
from tests.standins.plex_tv import PlexTv


class Sample:
    """`owner` shares the server that runs with `friend` and with `child`, who has no address.

    `stranger` has an account and no server; `neighbour` owns another server, with the same name.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.owner = Person("olivia", "olivia@example.com", home=True, plex_pass=True, pin="a-hash-of-1234")
        self.friend = Person("felix", "felix@example.com")
        self.child = Person("Kim", managed=True, home=True)
        self.stranger = Person("sam", "sam@example.com")
        self.neighbour = Person("nora", "nora@example.com")
        self.server = Server("Living Room", self.owner, shared_with=[self.friend, self.child])
        self.other = Server("Living Room", self.neighbour)
        self.plex_tv = PlexTv(host, port)
        self.plex_tv.add(self.owner, self.friend, self.child, self.stranger, self.neighbour)
        self.plex_tv.add(self.server, self.other, Player("Felix's phone", self.friend))
        self.plex = PlexServer(self.plex_tv.accounts, self.server, host)

    def environment(self) -> dict[str, str]:
        """The settings of an installation that belongs to this server and asks this plex.tv."""
        return {
            "PLEX_URL": self.plex.base,
            "PLEX_TOKEN": self.owner.token,
            "PLEX_TV_URL": self.plex_tv.base,
            "PLEX_APP_URL": self.plex_tv.base,
        }

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.plex_tv)
            stack.enter_context(self.plex)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
