"""Hosts that refused us lately: until when everybody leaves them alone."""

from peewee import DoubleField, IntegerField, TextField

from config.database import Row, change, query
from pipelines.models.table import Table

MEMORY = 3600.0  # seconds after which a refusal is forgotten


class Host(Table):
    """`until` is when the next try is allowed; `refusals` came in a row."""

    name = TextField(primary_key=True)
    refusals = IntegerField()
    refused_at = DoubleField()
    until = DoubleField()
    message = TextField()


def lately(name: str) -> Row | None:
    """`refusals`, `message` and `remaining` seconds of a host that refused us within the last hour, or waits."""
    rows = query(
        "SELECT refusals, message, until - NOW AS remaining FROM host"
        f" WHERE name = %s AND GREATEST(until, refused_at + {MEMORY}) > NOW",
        name,
    )
    return rows[0] if rows else None


def refuse(name: str, message: str, seconds: float) -> None:
    """Note a refusal: nobody asks this host again for `seconds`; a longer pause stays."""
    change(
        "INSERT INTO host (name, refusals, refused_at, until, message) VALUES (%s, 1, NOW, NOW + %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET until = GREATEST(host.until, excluded.until), message = excluded.message,"
        f" refusals = CASE WHEN host.refused_at < NOW - {MEMORY} THEN 1 ELSE host.refusals + 1 END, refused_at = NOW",
        *(name, seconds, message),
    )


def forgive(name: str) -> None:
    """The host answers again: its next refusal is the first."""
    change("DELETE FROM host WHERE name = %s AND until <= NOW", name)
