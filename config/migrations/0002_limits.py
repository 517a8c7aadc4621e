"""Limits and quotas, unique jobs, parents and children, what a worker needs."""

from typing import Any

STATEMENTS = """
ALTER TABLE job ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN unique_key TEXT;
ALTER TABLE job ADD COLUMN children INTEGER NOT NULL DEFAULT 0;

DROP INDEX job_due;
CREATE INDEX job_due ON job (queue, priority DESC, rescued DESC, turn, id, owner_id, host) WHERE state = 'queued';
DROP INDEX job_running;
CREATE INDEX job_running ON job (queue, owner_id, host, turn) WHERE state = 'running' AND worker_id IS NOT NULL;
CREATE INDEX job_paused ON job (queue) WHERE state = 'paused';
CREATE INDEX job_quota ON job (owner_id, kind, created_at) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX job_unique ON job (kind, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running', 'paused');
CREATE INDEX job_parent ON job (id) WHERE children > 0 AND finished_at IS NULL;
CREATE INDEX job_children ON job (parent_id, state) WHERE parent_id IS NOT NULL;

CREATE TABLE queue (name TEXT PRIMARY KEY, paused INTEGER NOT NULL DEFAULT 0, max_running INTEGER);

ALTER TABLE worker ADD COLUMN memory_bytes BIGINT NOT NULL DEFAULT 0
"""


def up(migrator: Any, db: Any) -> None:
    """Add columns, indexes and the queue table; the statements mean the same to both databases."""
    for statement in STATEMENTS.split(";"):
        db.execute_sql(statement)
