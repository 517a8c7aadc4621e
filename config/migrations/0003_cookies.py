"""Cookies that people lend to their own downloads."""

from typing import Any

STATEMENT = """
CREATE TABLE cookie (
    account_id BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE, host TEXT NOT NULL,
    sealed TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL, PRIMARY KEY (account_id, host))
"""


def up(migrator: Any, db: Any) -> None:
    """Add the table; the statement means the same to both databases."""
    db.execute_sql(STATEMENT)
