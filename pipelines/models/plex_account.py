"""What accounts know of Plex: who somebody is there, and their tokens, sealed for their row.

config.vault is imported where it is needed: it brings ten megabytes of cryptography, and most processes never use it.
"""

from config.database import Row, change, is_sqlite, query

_COLUMNS = "id, name, role, suspended, plex_id, plex_token"


def by_plex_id(plex_id: int) -> Row | None:
    """The account (id, name, role, suspended, plex_id) of somebody at Plex, held until the transaction ends."""
    lock = "" if is_sqlite() else " FOR UPDATE"  # SQLite has one writer anyway
    rows = query(f"SELECT {_COLUMNS} FROM account WHERE plex_id = %s{lock}", plex_id)
    return rows[0] if rows else None


def link(account_id: int, plex_id: int) -> bool:
    """Let an account be this person at Plex; False if it is somebody already or there is no such account."""
    return bool(
        change(
            "UPDATE account SET plex_id = %s WHERE id = %s AND plex_id IS NULL RETURNING id",
            plex_id,
            account_id,
        )
    )


def note_proof(account_id: int, email: str | None, plex_token: str, server_token: str) -> None:
    """Access was proved right now, with these tokens."""
    from config.vault import seal

    change(
        "UPDATE account SET email = %s, plex_token = %s, server_token = %s, checked_at = NOW WHERE id = %s",
        *(email, seal(plex_token, _plex(account_id)), seal(server_token, _server(account_id)), account_id),
    )


def unchecked(seconds: float) -> list[Row]:
    """Accounts (id, name, role, plex_id, plex_token as stored) that Plex let in and whose access nobody proved for so
    long, the longest unproved first."""
    return query(
        f"SELECT {_COLUMNS} FROM account WHERE plex_token IS NOT NULL AND role <> 'suspended'"
        " AND COALESCE(checked_at, 0) <= NOW - %s ORDER BY checked_at",
        seconds,
    )


def doubt_everyone() -> None:
    """The server is another one: whose access was proved is to be seen anew."""
    change("UPDATE account SET checked_at = NULL WHERE plex_id IS NOT NULL")


def plex_token(row: Row) -> str:
    """The token in a row of `unchecked`; raises config.vault.VaultError."""
    from config.vault import unseal

    return unseal(row["plex_token"], _plex(row["id"]))


def note_check(row: Row, server_token: str | None = None) -> bool:
    """The account of a row was checked, and has this token for the server if it was proved.

    False if they have signed in since the row was read, so that the check says nothing about them.
    """
    from config.vault import seal

    sealed = seal(server_token, _server(row["id"])) if server_token else None
    return bool(
        change(
            "UPDATE account SET checked_at = NOW, server_token = COALESCE(%s, server_token)"
            " WHERE id = %s AND plex_token = %s AND role = %s RETURNING id",
            *(sealed, row["id"], row["plex_token"], row["role"]),
        )
    )


def _plex(account_id: int) -> str:
    return f"plex_token:{account_id}"


def _server(account_id: int) -> str:
    return f"server_token:{account_id}"
