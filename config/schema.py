"""Bring the database to this version's schema, safely from several processes at once."""

from pathlib import Path
from typing import Any

from playhouse.migrations import Runner

from config.database import LOCK_MIGRATIONS, database, deadline, locked

FOLDER = Path(__file__).parent / "migrations"
PATIENCE = 600.0  # seconds a step may take


class SchemaMismatch(Exception):
    """The database's schema is not the one this version works with; the message says what to do."""


def _runner() -> Any:
    runner: Any = Runner
    return runner(database.obj, directory=str(FOLDER), table_name="schema_migration")


def upgrade() -> list[str]:
    """Apply the missing steps, each a transaction; the names of those applied. Refuses a newer schema."""
    token = deadline.set(PATIENCE)
    try:
        with locked(LOCK_MIGRATIONS):
            _refuse_newer()
            return list(_runner().up())
    finally:
        deadline.reset(token)


def pending() -> list[str]:
    """Names of the steps that the database lacks."""
    with database.connection_context():
        return [step.name for step in _runner().status() if not step.applied]


def _refuse_newer() -> None:
    unknown = [step.name for step in _runner().status() if step.path is None]
    if unknown:
        raise SchemaMismatch(
            f"the database was made by a newer MediaNest (it has {unknown[-1]}); start that version or restore a backup"
        )


def require_current() -> None:
    """Raise SchemaMismatch unless the schema is exactly ours."""
    with database.connection_context():
        _refuse_newer()
    if missing := pending():
        raise SchemaMismatch(f"the database lacks {len(missing)} migration(s); run: medianest db upgrade")
