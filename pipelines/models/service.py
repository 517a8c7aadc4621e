"""What probes found out about services: how each one is now, and every check as history."""

from peewee import AutoField, DoubleField, TextField

from config.database import Row, change, database, query, transaction
from pipelines.models.table import Table

KEEP_DAYS = 30

SEVERITY = {"unconfigured": -1, "up": 0, "degraded": 1, "starting": 2, "down": 3}


class Service(Table):
    """The newest check of a service, and since when it has been in its state."""

    name = TextField(primary_key=True)
    state = TextField()
    since = DoubleField()
    at = DoubleField()
    latency_ms = DoubleField(null=True)
    message = TextField()


class ServiceCheck(Table):
    """One look at one service; `latency_ms` is None where there was no answer."""

    id = AutoField()
    service = TextField()
    at = DoubleField()
    state = TextField()
    latency_ms = DoubleField(null=True)

    class Meta:
        """The name of the table."""

        table_name = "service_check"


def record(name: str, state: str, latency_ms: float | None, message: str) -> Row:
    """Store one check; the service's row."""
    with transaction():
        change(
            "INSERT INTO service_check (service, at, state, latency_ms) VALUES (%s, NOW, %s, %s)",
            name,
            state,
            latency_ms,
        )
        return change(
            "INSERT INTO service (name, state, since, at, latency_ms, message) VALUES (%s, %s, NOW, NOW, %s, %s)"
            " ON CONFLICT (name) DO UPDATE SET state = excluded.state, at = excluded.at,"
            " latency_ms = excluded.latency_ms, message = excluded.message,"
            " since = CASE service.state WHEN excluded.state THEN service.since ELSE excluded.since END"
            " RETURNING name, state, since, at, latency_ms, message",
            name,
            state,
            latency_ms,
            message,
        )[0]


def present() -> dict[str, Row]:
    """The row of each service that was ever looked at, by its name."""
    return {
        row["name"]: row for row in query("SELECT name, state, since, at, latency_ms, message FROM service")
    }


def uptime_percent(name: str, since: float) -> float | None:
    """Share of the checks since a time that found the service up or degraded; None without checks."""
    with database.connection_context():
        chosen = (ServiceCheck.service == name) & (ServiceCheck.at >= since)
        total = ServiceCheck.select().where(chosen & (ServiceCheck.state != "unconfigured")).count()
        good = ServiceCheck.select().where(chosen & ServiceCheck.state.in_(("up", "degraded"))).count()
    return round(100.0 * good / total, 2) if total else None


def history(name: str, since: float, step: float) -> list[Row]:
    """For each `step` seconds since a time: the worst state found and the mean latency, oldest first."""
    names = {number: state for state, number in SEVERITY.items()}
    ranks = " ".join(f"WHEN '{state}' THEN {number}" for state, number in SEVERITY.items())
    rows = query(
        f"SELECT min(at) AS at, max(CASE state {ranks} END) AS rank, avg(latency_ms) AS latency_ms,"
        " count(*) AS checks FROM service_check WHERE service = %s AND at >= %s"
        " GROUP BY CAST(at / %s AS INTEGER) ORDER BY 1",
        name,
        since,
        step,
    )
    return [{**row, "state": names[row.pop("rank")]} for row in rows]


def prune() -> None:
    """Forget checks older than KEEP_DAYS."""
    change("DELETE FROM service_check WHERE at < NOW - %s", KEEP_DAYS * 86400.0)
