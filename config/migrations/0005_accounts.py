"""Accounts of Plex, rights and scopes, addresses of services, secrets of the installation, the audit log."""

from typing import Any

STATEMENTS = """
ALTER TABLE account ADD COLUMN suspended TEXT NOT NULL DEFAULT '';
ALTER TABLE account ADD COLUMN rights TEXT NOT NULL DEFAULT '{{}}';
ALTER TABLE account ADD COLUMN email TEXT;
ALTER TABLE account ADD COLUMN plex_id BIGINT;
ALTER TABLE account ADD COLUMN plex_token TEXT;
ALTER TABLE account ADD COLUMN server_token TEXT;
ALTER TABLE account ADD COLUMN checked_at DOUBLE PRECISION;
ALTER TABLE account ADD COLUMN seen_at DOUBLE PRECISION;
CREATE UNIQUE INDEX account_plex ON account (plex_id) WHERE plex_id IS NOT NULL;

ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';

ALTER TABLE token ADD COLUMN scopes TEXT NOT NULL DEFAULT 'jobs,read';
UPDATE token SET scopes = 'admin,jobs,read' WHERE account_id IN (SELECT id FROM account WHERE role = 'admin');
ALTER TABLE token ADD COLUMN expires_at DOUBLE PRECISION;

CREATE TABLE sign_in (
    digest TEXT PRIMARY KEY, pin_id BIGINT NOT NULL, code TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    account_id BIGINT, created_at DOUBLE PRECISION NOT NULL, expires_at DOUBLE PRECISION NOT NULL,
    asked_at DOUBLE PRECISION NOT NULL DEFAULT 0);

CREATE TABLE connection (
    name TEXT PRIMARY KEY, url TEXT, secret TEXT, identity TEXT, changed_at DOUBLE PRECISION NOT NULL);

CREATE TABLE secret (name TEXT PRIMARY KEY, sealed TEXT NOT NULL);

CREATE TABLE audit (
    id {key}, at DOUBLE PRECISION NOT NULL, actor_id BIGINT, actor TEXT NOT NULL, address TEXT NOT NULL,
    action TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX audit_actor ON audit (actor_id, id);
CREATE INDEX audit_at ON audit (at)
"""

# nothing of ours changes what was written down, and nobody else shall by mistake
APPEND_ONLY_SQLITE = (
    "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
    "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END",
)
APPEND_ONLY_POSTGRES = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$""",
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)


def up(migrator: Any, db: Any) -> None:
    """Add columns and tables; the audit log takes new rows only."""
    sqlite = "sqlite" in type(db).__name__.lower()
    key = "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGSERIAL PRIMARY KEY"
    for statement in STATEMENTS.format(key=key).split(";"):
        db.execute_sql(statement)
    for statement in APPEND_ONLY_SQLITE if sqlite else APPEND_ONLY_POSTGRES:
        db.execute_sql(statement)
