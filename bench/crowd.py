"""Tables as years of use leave them, filled by a handful of statements."""

from config.database import Row, change, database, deadline, is_sqlite, query

QUEUE = "download"
HOSTS = 40
DAYS = 90  # over which the jobs were submitted
KEPT_HISTORY = 100_000  # finished jobs that still have theirs
RUNNING = 8
FILL_SECONDS = 600.0

# COUNT, USERS and so on stand for numbers
_SERIES = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < COUNT)"
_COLUMNS = """INSERT INTO job (kind, queue, host, owner_id, params, state, priority, turn, attempt, max_attempts,
    revision, worker_id, lease_until, result, idem, idem_digest, request_id, schedule, slot,
    created_at, started_at, finished_at)"""
_HOST = "'host-' || (i % 40) || '.example'"
_PARAMS = f"""'{{"url": "https://' || {_HOST} || '/watch?v=' || i ||
    '", "mode": "video", "quality": "best", "container": "mp4"}}'"""
_RESULT = """'{"title": "Film ' || i || '", "uploader": "Someone", "duration": 5400.0, "files": [{"path": "Film ' || i ||
    ' [x].mp4", "bytes": 123456789, "sha256": "0123456789abcdef"}], "source_url": "https://host.example/"}'"""
_THEN = f"NOW - 86400.0 * {DAYS} * (COUNT - i + 1) / COUNT"

# one in four is the system's own check of the services
_FINISHED = f"""{_COLUMNS} {_SERIES} SELECT
    CASE WHEN i % 4 = 0 THEN 'probe' ELSE 'download' END, CASE WHEN i % 4 = 0 THEN 'probe' ELSE 'download' END,
    CASE WHEN i % 4 = 0 THEN '' ELSE {_HOST} END, CASE WHEN i % 4 = 0 THEN 0 ELSE 1 + i % USERS END,
    CASE WHEN i % 4 = 0 THEN '{{}}' ELSE {_PARAMS} END,
    CASE i % 20 WHEN 1 THEN 'failed' WHEN 2 THEN 'cancelled' ELSE 'succeeded' END, 4, i, 1, 5, 4, NULL, NULL,
    CASE WHEN i % 20 NOT IN (1, 2) THEN {_RESULT} END, CASE WHEN i % 2 = 1 THEN 'old-' || i END,
    CASE WHEN i % 2 = 1 THEN 'digest' END, 'bench', CASE WHEN i % 4 = 0 THEN 'probe' END,
    CASE WHEN i % 4 = 0 THEN i END, {_THEN}, {_THEN}, {_THEN} FROM n"""

_QUEUED = f"""{_COLUMNS} {_SERIES} SELECT 'download', 'download', {_HOST}, 1 + i % USERS, {_PARAMS}, 'queued',
    CASE WHEN i % 100 = 7 THEN 2 ELSE 4 END, COUNT + i / USERS, 0, 5, 1, NULL, NULL, NULL, 'queued-' || i, 'digest',
    'bench', NULL, NULL, NOW - 600000.0 * (COUNT - i + 1) / COUNT - 3600.0, NULL, NULL FROM n"""

_RUNNING = f"""{_COLUMNS} {_SERIES} SELECT 'download', 'download', 'host-' || (i / 2) || '.example', 1 + i / 2,
    {_PARAMS}, 'running', 4, 1, 1, 5, 2, WORKER, NOW + 100000.0, NULL, NULL, NULL, 'bench', NULL, NULL,
    NOW - 3700.0, NOW - 3700.0, NULL FROM n"""

_HISTORY = """INSERT INTO job_event (job_id, at, event, state, attempt, revision)
 SELECT id, created_at, '{event}', '{event}', 1, {revision} FROM job WHERE id > {after} AND {happened}"""


def fill(queued: int, finished: int, users: int) -> None:
    """Write the jobs and their history, then let the database learn what it holds; users have the ids 1 to `users`."""
    token = deadline.set(FILL_SECONDS)
    try:
        rebuild = _drop_indexes()
        _run(_FINISHED, COUNT=finished, USERS=users)
        _run(_QUEUED, COUNT=queued, USERS=users)
        _run(_RUNNING, COUNT=RUNNING, WORKER=add_worker())
        _write_history(after=max(0, finished - KEPT_HISTORY))
        for statement in rebuild:
            change(statement)
        settle()
    finally:
        deadline.reset(token)


def _run(statement: str, **numbers: int) -> None:
    for name, number in numbers.items():
        statement = statement.replace(name, str(number))
    change(statement if is_sqlite() else statement.replace("%", "%%"))


def _write_history(after: int) -> None:
    conditions = {"submitted": "true", "started": "started_at > 0", "succeeded": "finished_at > 0"}
    for revision, (event, happened) in enumerate(conditions.items(), 1):
        change(_HISTORY.format(event=event, revision=revision, after=after, happened=happened))


def _drop_indexes() -> list[str]:
    """Building an index over all rows takes a fraction of the time of filling it row by row."""
    known = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('job', 'job_event') AND sql IS NOT NULL"
        if is_sqlite()
        else "SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE schemaname = 'public'"
        " AND tablename IN ('job', 'job_event') AND indexname <> tablename || '_pkey'"
    )
    found: list[Row] = query(known)
    for row in found:
        change(f"DROP INDEX {row['name']}")
    return [row["sql"] for row in found]


def settle() -> None:
    """What a running database does by itself, so that none of it falls into the measurement."""
    if is_sqlite():
        statements = ["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"]
    else:
        statements = ["VACUUM (ANALYZE)", "CHECKPOINT"]
    with database.connection_context():
        for statement in statements:
            database.execute_sql(statement).fetchall() if is_sqlite() else database.execute_sql(statement)


def add_worker() -> int:
    """A row to run jobs by."""
    rows = change(
        "INSERT INTO worker (host, pid, queues, threads, started_at, beat_at)"
        " VALUES ('bench', 1, 'download', 8, NOW, NOW) RETURNING id"
    )
    return int(rows[0]["id"])
