"""The archive of what was downloaded, and hosts that asked to be left alone for a while."""

from typing import Any

STATEMENTS = """
CREATE TABLE download (
    id {key}, job_id BIGINT NOT NULL, owner_id BIGINT NOT NULL, extractor TEXT NOT NULL, media_id TEXT NOT NULL,
    mode TEXT NOT NULL, title TEXT NOT NULL, uploader TEXT, duration DOUBLE PRECISION, source_url TEXT NOT NULL,
    path TEXT NOT NULL, files TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL);
CREATE UNIQUE INDEX download_job ON download (job_id);
CREATE INDEX download_owner ON download (owner_id, id);
CREATE INDEX download_media ON download (media_id, extractor, mode);
CREATE INDEX download_path ON download (path);
CREATE INDEX download_address ON download (source_url, mode);

CREATE TABLE host (
    name TEXT PRIMARY KEY, refusals INTEGER NOT NULL, refused_at DOUBLE PRECISION NOT NULL,
    until DOUBLE PRECISION NOT NULL, message TEXT NOT NULL)
"""


def up(migrator: Any, db: Any) -> None:
    """Create both tables and their indexes."""
    sqlite = "sqlite" in type(db).__name__.lower()
    key = "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGSERIAL PRIMARY KEY"
    for statement in STATEMENTS.format(key=key).split(";"):
        db.execute_sql(statement)
