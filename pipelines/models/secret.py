"""Secrets that the installation makes for itself and keeps: one sealed text for each name.

config.vault is imported where it is needed: it brings ten megabytes of cryptography, and most processes never use it.
"""

from collections.abc import Callable

from peewee import TextField

from config.database import change, query
from pipelines.models.table import Table


class Secret(Table):
    """A secret by its name; `sealed` opens only in this row."""

    name = TextField(primary_key=True)
    sealed = TextField()


class SecretLost(Exception):
    """A kept secret does not open: it was changed, or the key that it was sealed under is gone."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"the secret {name!r} of this installation does not open ({reason});"
            " put back the secret-key file or MEDIANEST_SECRET_KEY that it was made with, or run: medianest secrets forget"
        )


def kept(name: str, make: Callable[[], str]) -> str:
    """The secret of this name; what `make` gives if there is none yet, the same one for all who ask at once.

    Raises SecretLost if it is there and does not open; it is never made anew behind its users' backs. Inside a
    transaction it is not certain before that is written.
    """
    return _stored(name) or _made(name, make)


def _made(name: str, make: Callable[[], str]) -> str:
    from config.vault import seal

    sealed = seal(make(), _identity(name))
    change("INSERT INTO secret (name, sealed) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING", name, sealed)
    stored = _stored(name)
    if stored is None:
        raise SecretLost(name, "it was removed at once")
    return stored


def _stored(name: str) -> str | None:
    from config.vault import VaultError, unseal

    rows = query("SELECT sealed FROM secret WHERE name = %s", name)
    try:
        return unseal(rows[0]["sealed"], _identity(name)) if rows else None
    except VaultError as error:
        raise SecretLost(name, str(error)) from None


def _identity(name: str) -> str:
    return f"secret:{name}"
