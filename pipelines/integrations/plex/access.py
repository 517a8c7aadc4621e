"""Who may enter: plex.tv lists the configured server for them, and that server opens for the token it lists."""

from dataclasses import dataclass, field

from pipelines.integrations.plex import server, tv
from pipelines.models.connection import connection


@dataclass(frozen=True)
class Access:
    """Proved access of a person, with their own token for the server."""

    person: tv.Person
    owned: bool
    server_token: str = field(repr=False)


class NoAccess(Exception):
    """The server is not shared with this person."""

    def __init__(self, person: tv.Person) -> None:
        super().__init__(person.id)
        self.person = person


def prove(token: str) -> Access:
    """The access of whoever holds this token of plex.tv; raises NoAccess, tv.Revoked, tv.Away or server.Away.

    Only the first two say something about the person; after the others the question is open.
    """
    person = tv.user(token)
    here = connection("plex")
    machine = server.identity(here)
    share = tv.share(token, machine)
    if share is None or not server.lets_in(here, share.token, machine):
        raise NoAccess(person)
    return Access(person, share.owned, share.token)
