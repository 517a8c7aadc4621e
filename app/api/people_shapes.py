"""What answers about people look like, for the API's documentation: accounts, sessions, tokens, the audit log."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Me(BaseModel):
    """Who is asking."""

    id: str | None
    name: str
    role: Literal["admin", "user"]


class PlexSignIn(BaseModel):
    """Where to sign in with Plex; `code` is what to type there if it has four letters."""

    auth_url: str
    code: str
    expires_at: str


class PlexStanding(BaseModel):
    """How signing in with Plex stands. While plex.tv or the server is away it goes on waiting, and `reason` says so."""

    state: Literal["waiting", "signed_in", "expired", "refused"]
    reason: (
        Literal["plex_away", "server_away", "no_access", "linked_elsewhere", "suspended", "approval"] | None
    )
    message: str


class Quota(BaseModel):
    """How much of an hour's quota is used."""

    limit: int | None = Field(description="null: any number.")
    used: int
    resets_at: str | None = Field(description="When the first of those used no longer counts.")


class Permissions(BaseModel):
    """Which kinds of jobs somebody may submit, as far as an admin decides that."""

    download: bool
    request: bool
    scan: bool


class OwnQuotas(BaseModel):
    """How many jobs an hour somebody may submit; null: as everybody, 0: any number."""

    download: int | None
    request: int | None


class User(BaseModel):
    """An account."""

    id: str
    name: str
    role: Literal["admin", "user", "suspended"]
    suspended: Literal["approval", "access", "admin"] | None = Field(
        description="Why: waits for an admin; Plex shares the server no longer; by an admin."
    )
    plex: bool = Field(description="Whether they sign in with Plex.")
    email: str | None
    created_at: str
    seen_at: str | None
    permissions: Permissions
    quotas: OwnQuotas


class Actor(BaseModel):
    """Who did it; the id is 0 for the command line and the system itself."""

    id: str
    name: str


class AuditEntry(BaseModel):
    """One thing that somebody did."""

    id: str
    at: str
    actor: Actor | None = Field(description="null: nobody was signed in.")
    address: str = Field(description="From where; empty for the machine itself.")
    action: str
    target: str
    detail: dict[str, Any]


Scopes = list[Literal["read", "jobs", "admin"]]


class Standing(Me):
    """Who is asking, what they may do, and how many jobs they may still submit."""

    permissions: Permissions
    scopes: Scopes = Field(description="What the session or token that asks is good for.")
    quotas: dict[str, Quota] = Field(description="By kind of job.")


class CookieHost(BaseModel):
    """A host for which cookies are lent; they themselves are never shown."""

    host: str
    created_at: str


class Session(BaseModel):
    """A browser that is signed in."""

    id: str
    agent: str
    address: str = Field(description="Where it was signed in.")
    created_at: str
    seen_at: str
    current: bool


class Token(BaseModel):
    """A personal token."""

    id: str
    label: str
    scopes: Scopes
    created_at: str
    expires_at: str | None
    used_at: str | None


class NewToken(Token):
    """A personal token as it is shown once."""

    token: str = Field(examples=["mnp_…"])
