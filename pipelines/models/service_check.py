"""What probes found out about services, kept as history."""

from peewee import AutoField, DoubleField, TextField

from config.database import Row, change, database, query
from pipelines.models.table import Table

KEEP_DAYS = 30


class ServiceCheck(Table):
    """One look at one service; `latency_ms` is None where there was no answer."""

    id = AutoField()
    service = TextField()
    at = DoubleField()
    state = TextField()
    latency_ms = DoubleField(null=True)
    message = TextField()

    class Meta:
        """The name of the table."""

        table_name = "service_check"


def record(service: str, state: str, latency_ms: float | None, message: str) -> Row:
    """Store one check; returns it."""
    return change(
        "INSERT INTO service_check (service, at, state, latency_ms, message) VALUES (%s, NOW, %s, %s, %s)"
        " RETURNING service, at, state, latency_ms, message",
        service,
        state,
        latency_ms,
        message,
    )[0]


def latest() -> dict[str, Row]:
    """The newest check of each service."""
    rows = query(
        "SELECT service, at, state, latency_ms, message FROM service_check WHERE id IN"
        " (SELECT max(id) FROM service_check GROUP BY service)"
    )
    return {row["service"]: row for row in rows}


def since_when(service: str, state: str) -> float | None:
    """When the service came into `state` without leaving it since."""
    rows = query(
        "SELECT min(at) AS at FROM service_check WHERE service = %s AND state = %s AND id >"
        " COALESCE((SELECT max(id) FROM service_check WHERE service = %s AND state <> %s), 0)",
        service,
        state,
        service,
        state,
    )
    return None if rows[0]["at"] is None else float(rows[0]["at"])


def uptime_percent(service: str, since: float) -> float | None:
    """Share of the checks since a time that found the service up or degraded; None without checks."""
    with database.connection_context():
        chosen = (ServiceCheck.service == service) & (ServiceCheck.at >= since)
        total = ServiceCheck.select().where(chosen & (ServiceCheck.state != "unconfigured")).count()
        good = ServiceCheck.select().where(chosen & ServiceCheck.state.in_(("up", "degraded"))).count()
    return round(100.0 * good / total, 2) if total else None


def history(service: str, since: float, step: float) -> list[Row]:
    """For each `step` seconds since a time: the worst state found and the mean latency, oldest first."""
    rank = {"up": 0, "degraded": 1, "starting": 2, "down": 3, "unconfigured": -1}
    names = {number: name for name, number in rank.items()}
    severity = " ".join(f"WHEN '{name}' THEN {number}" for name, number in rank.items())
    rows = query(
        f"SELECT min(at) AS at, max(CASE state {severity} END) AS rank, avg(latency_ms) AS latency_ms,"
        " count(*) AS checks FROM service_check WHERE service = %s AND at >= %s"
        " GROUP BY CAST(at / %s AS INTEGER) ORDER BY 1",
        service,
        since,
        step,
    )
    return [{**row, "state": names[row.pop("rank")]} for row in rows]


def prune() -> None:
    """Forget checks older than KEEP_DAYS."""
    change("DELETE FROM service_check WHERE at < NOW - %s", KEEP_DAYS * 86400.0)
