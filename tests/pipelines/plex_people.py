"""Accounts of people from the stand-in for plex.tv, as a sign-in leaves them behind."""

from config.database import Row, change, query
from pipelines.models import plex_account
from tests.standins.plex_people import Person
from tests.standins.plex_sample import Sample

DAY = 86400.0


def signed_in(sample: Sample, person: Person, role: str = "user", days: float = 1.5) -> int:
    """The account of somebody who signed in so many days ago, with a session that is open since."""
    rows = change(
        "INSERT INTO account (name, password_hash, role, created_at) VALUES (%s, '', %s, NOW) RETURNING id",
        *(person.name, role),
    )
    account_id = int(rows[0]["id"])
    plex_account.link(account_id, person.id)
    plex_account.note_proof(account_id, person.email, sample.plex_tv.accounts.sign_in(person), "before")
    change("UPDATE account SET checked_at = NOW - %s WHERE id = %s", days * DAY, account_id)
    change(
        "INSERT INTO session (digest, account_id, created_at, seen_at, agent) VALUES (%s, %s, NOW, NOW, '')",
        *(f"session of {account_id}", account_id),
    )
    return account_id


def row_of(account_id: int) -> Row:
    rows = query(
        "SELECT a.*, NOW - a.checked_at AS unchecked,"
        " (SELECT count(*) FROM session s WHERE s.account_id = a.id) AS sessions FROM account a WHERE a.id = %s",
        account_id,
    )
    return rows[0]
