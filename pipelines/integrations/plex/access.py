"""Who may enter: plex.tv lists the configured server for them, and that server opens for the token it lists."""

from dataclasses import dataclass, field

from pipelines.integrations.plex import server, tv
from pipelines.models.connection import connection

MOST_TRIED = 5  # tokens of one person; anybody may fill their own list


@dataclass(frozen=True)
class Access:
    """Proved access of a person, with their own token for the server; `owned` if it is theirs."""

    person: tv.Person
    owned: bool
    server_token: str = field(repr=False)


class NoAccess(Exception):
    """The server is not shared with this person, or, where plex.tv has it `listed` for them, does not let them in."""

    def __init__(self, person: tv.Person, *, listed: bool) -> None:
        super().__init__(person.id)
        self.person = person
        self.listed = listed


def prove(token: str) -> Access:
    """The access of whoever holds this token of plex.tv; raises NoAccess, tv.Revoked, tv.Away or server.Away.

    Only the first two say something about the person; after the others the question is open.
    """
    person = tv.user(token)
    here = connection("plex")
    machine = server.identity(here)
    shares = tv.shares(token, machine)
    tokens = list(dict.fromkeys(share.token for share in shares))[:MOST_TRIED]
    opening = next((one for one in tokens if server.lets_in(here, one, machine)), None)
    if opening is None:
        raise NoAccess(person, listed=bool(shares))
    owned = all(share.owned for share in shares) and server.judges_tokens(here, machine)
    return Access(person, owned, opening)


def refusals_count() -> bool:
    """Whether the server's refusal says something about a person; raises server.Away.

    It does as long as the server accepts the configured token. One that has lost its claim refuses everybody.
    """
    here = connection("plex")
    machine = server.identity(here)
    return here.secret is not None and server.lets_in(here, here.secret, machine)
