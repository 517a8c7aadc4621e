"""Commands on this machine's database: its schema and the setup code; and what all such commands have in common.

They need no server and no token.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click

from app.accounts import setup, tokens, users
from app.cli.failure import Failure, WrongUse, checked_settings
from config import database, schema
from config.database import AWAY
from pipelines.models import audit
from pipelines.models.account import SYSTEM
from pipelines.models.secret import SecretLost

DATABASE_PATIENCE = 30.0  # seconds that `db upgrade` waits for a database server that is starting


@contextmanager
def reach_database() -> Iterator[None]:
    """Bind the database; what is wrong with it becomes a Failure."""
    database.bind(checked_settings().database_url, connections=2)
    try:
        yield
    except (schema.SchemaMismatch, SecretLost) as error:
        raise Failure(str(error)) from None
    except AWAY as error:
        reason = str(error).strip().partition("\n")[0]
        raise Failure(f"{database_name()} cannot be used: {reason}") from None


@contextmanager
def current_database() -> Iterator[None]:
    """The database, with this version's schema."""
    require_file()
    with reach_database():
        schema.require_current()
        yield


def database_name() -> str:
    """The database without its password."""
    parts = urlsplit(checked_settings().database_url)
    if parts.scheme == "sqlite":
        return f"the database {_file_of(parts.path)}"
    port = f":{parts.port}" if parts.port else ""
    return f"the database {parts.path.strip('/')} at {parts.hostname}{port}"


def has_file() -> bool:
    """False if the database is a file that is not there yet (looking at it would create it)."""
    here = checked_settings()
    return not here.sqlite or _file_of(urlsplit(here.database_url).path).exists()


def _file_of(url_path: str) -> Path:
    return Path("/" + unquote(url_path).lstrip("/"))


def require_file() -> None:
    """Raise Failure if there is no database yet."""
    if not has_file():
        raise Failure(f"{database_name()} does not exist yet; run: medianest db upgrade")


def confirm(question: str, yes: bool) -> None:
    """Go on only if somebody agrees; raises Failure, WrongUse where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse("without a terminal, say --yes to do this")
    if not click.confirm(question):
        raise Failure("nothing was changed")


def note(action: str, target: str, **detail: Any) -> None:
    """Write down in the audit log what was done here; never give it a secret."""
    audit.record(action, actor_id=SYSTEM, actor="local", target=target, detail=detail)


@click.group(short_help="Bring the database's schema up to date, or look at it.")
def db() -> None:
    """Bring the database's schema up to date, or look at it."""


@db.command()
def upgrade() -> None:
    """Create or upgrade the schema. While there is no admin, prints the setup code."""
    with reach_database():
        applied = _upgrade_patiently()
        for name in applied:
            click.echo(f"applied {name}")
        if not applied:
            click.echo("the database is up to date")
        _keep_tokens()
        if not users.admin_exists():
            click.echo(f"Setup code: {setup.code()}")


def _keep_tokens() -> None:
    """Fix what tokens depend on, so that another secret key later makes none of them worthless."""
    try:
        tokens.pepper()
    except SecretLost as error:
        click.echo(f"medianest: {error}", err=True)


def _upgrade_patiently() -> list[str]:
    deadline = time.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return schema.upgrade()
        except AWAY:
            if database.is_sqlite() or time.monotonic() > deadline:
                raise
            click.echo("medianest: waiting for the database", err=True)
            time.sleep(1.0)


@db.command()
def status() -> None:
    """Say whether the schema is this version's; exit code 0 only if it is."""
    with current_database():
        click.echo(f"{database_name()} is up to date")


@click.command(short_help="Print the code for the first sign-in.")
def setup_code() -> None:
    """Print the code that makes its holder the first admin."""
    with current_database():
        if users.admin_exists():
            raise Failure(
                "there is an admin already; `medianest user create NAME --role admin` makes another"
            )
        click.echo(f"Setup code: {setup.code()}")
