"""Jobs and their history, workers, schedules, service checks, accounts with sessions and tokens."""

from typing import Any

TABLES = """
CREATE TABLE account (
    id {key}, name TEXT NOT NULL, password_hash TEXT NOT NULL, role TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL);
CREATE UNIQUE INDEX account_name ON account (lower(name));

CREATE TABLE session (
    digest TEXT PRIMARY KEY, account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at DOUBLE PRECISION NOT NULL, seen_at DOUBLE PRECISION NOT NULL, agent TEXT NOT NULL);
CREATE INDEX session_account ON session (account_id);

CREATE TABLE token (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL,
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    label TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL, used_at DOUBLE PRECISION);
CREATE INDEX token_account ON token (account_id);

CREATE TABLE job (
    id {key}, kind TEXT NOT NULL, queue TEXT NOT NULL, owner_id BIGINT NOT NULL DEFAULT 0,
    parent_id BIGINT, params TEXT NOT NULL, state TEXT NOT NULL, wish TEXT,
    priority INTEGER NOT NULL, rescued INTEGER NOT NULL DEFAULT 0, turn BIGINT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1, worker_id BIGINT, lease_until DOUBLE PRECISION,
    progress TEXT, checkpoint TEXT, result TEXT, error TEXT, waiting TEXT,
    idem TEXT, idem_digest TEXT, schedule TEXT, slot BIGINT, request_id TEXT NOT NULL DEFAULT '',
    created_at DOUBLE PRECISION NOT NULL, scheduled_at DOUBLE PRECISION,
    started_at DOUBLE PRECISION, finished_at DOUBLE PRECISION);
CREATE INDEX job_due ON job (queue, priority DESC, rescued DESC, turn, id) WHERE state = 'queued';
CREATE INDEX job_owner_queued ON job (owner_id, queue, turn) WHERE state = 'queued';
CREATE INDEX job_running ON job (queue, turn) WHERE state = 'running';
CREATE INDEX job_scheduled ON job (scheduled_at) WHERE state = 'scheduled';
CREATE INDEX job_owner ON job (owner_id, id);
CREATE INDEX job_schedule ON job (schedule, state) WHERE schedule IS NOT NULL;
CREATE UNIQUE INDEX job_idem ON job (owner_id, idem) WHERE idem IS NOT NULL;
CREATE UNIQUE INDEX job_slot ON job (schedule, slot) WHERE schedule IS NOT NULL;

CREATE TABLE job_event (
    id {key}, job_id BIGINT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    at DOUBLE PRECISION NOT NULL, event TEXT NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL, revision INTEGER NOT NULL, detail TEXT);
CREATE INDEX job_event_job ON job_event (job_id, id);

CREATE TABLE worker (
    id {key}, host TEXT NOT NULL, pid INTEGER NOT NULL, queues TEXT NOT NULL, threads INTEGER NOT NULL,
    draining INTEGER NOT NULL DEFAULT 0, started_at DOUBLE PRECISION NOT NULL, beat_at DOUBLE PRECISION NOT NULL);

CREATE TABLE leader (
    name TEXT PRIMARY KEY, holder TEXT NOT NULL, until DOUBLE PRECISION NOT NULL);

CREATE TABLE schedule (
    name TEXT PRIMARY KEY, last_slot BIGINT NOT NULL);

CREATE TABLE service (
    name TEXT PRIMARY KEY, state TEXT NOT NULL, since DOUBLE PRECISION NOT NULL, at DOUBLE PRECISION NOT NULL,
    latency_ms DOUBLE PRECISION, message TEXT NOT NULL);

CREATE TABLE service_check (
    id {key}, service TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, state TEXT NOT NULL,
    latency_ms DOUBLE PRECISION);
CREATE INDEX service_check_service ON service_check (service, at);
"""

# lease_until, revision and progress are in no index, so renewals stay within their page
POSTGRES_STORAGE = """
ALTER TABLE job SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
"""


def up(migrator: Any, db: Any) -> None:
    """Create everything; written in SQL because partial and descending indexes decide the speed."""
    sqlite = "sqlite" in type(db).__name__.lower()
    key = "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGSERIAL PRIMARY KEY"
    script = TABLES.format(key=key) + ("" if sqlite else POSTGRES_STORAGE)
    for statement in script.split(";"):
        if statement.strip():
            db.execute_sql(statement)
