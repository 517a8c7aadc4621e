"""Commands on this machine's database: schema, accounts, tokens, the setup code. They need no server and no token."""

import os
import secrets
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

import click
from pydantic import TypeAdapter, ValidationError

from app.accounts import passwords, setup, tokens, users
from app.cli.failure import Failure, WrongUse, checked_settings
from app.cli.show import table
from app.cli.words import clean, stamp
from config import database, schema
from config.database import AWAY, Row
from pipelines.models.account import LastAdmin
from pipelines.models.account import set_role as set_account_role

DATABASE_PATIENCE = 30.0  # seconds that `db upgrade` waits for a database server that is starting
PIPE_PATIENCE = 3.0  # seconds that we wait for a password that somebody pipes in

role_option = click.Choice(users.ROLES)


@contextmanager
def reach_database() -> Iterator[None]:
    """Bind the database; what is wrong with it becomes a Failure."""
    database.bind(checked_settings().database_url, connections=2)
    try:
        yield
    except schema.SchemaMismatch as error:
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
        if not users.admin_exists():
            click.echo(f"Setup code: {setup.code()}")


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


@click.group(short_help="List accounts, create one, change a role.")
def user() -> None:
    """List accounts, create one, change a role."""


@user.command("list")
def list_users() -> None:
    """List the accounts."""
    with current_database():
        rows = [(clean(row["name"]), row["role"], stamp(row["created_at"])) for row in users.everyone()]
    if rows:
        click.echo(table([("NAME", "ROLE", "CREATED"), *rows]))
    else:
        click.echo("medianest: there are no accounts yet", err=True)


@user.command()
@click.argument("name")
@click.option("--role", type=role_option, required=True)
@click.option(
    "--password-file", type=click.File("r"), help="Its first line is the password; - is standard input."
)
def create(name: str, role: str, password_file: IO[str] | None) -> None:
    """Create an account.

    The password is asked for in a terminal, otherwise read from standard input if something is piped
    in, otherwise made up and printed.
    """
    wanted = _valid(users.Name, name, "a name has 1 to 64 printable characters")
    with current_database():
        if users.find(wanted):
            raise Failure(f"there is an account {wanted} already")
        password, made_up = _password(password_file)
        try:
            users.create(wanted, password, role)
        except users.NameTaken:
            raise Failure(f"there is an account {wanted} already") from None
    click.echo(f"created {role} {wanted}")
    if made_up:
        click.echo(f"Password: {password}")


def _valid(form: Any, text: str, rule: str) -> str:
    """The text as `form` has it; WrongUse with the rule if it breaks it."""
    try:
        return TypeAdapter[str](form).validate_python(text)
    except ValidationError:
        raise WrongUse(rule) from None


def _password(file: IO[str] | None) -> tuple[str, bool]:
    """The password and whether we made it up."""
    if file is not None:
        password = file.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        piped = _piped_line()
        if not piped:
            return secrets.token_urlsafe(12), True
        password = piped
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST:
        raise WrongUse(f"a password has at least {passwords.SHORTEST} characters")
    return password, False


def _piped_line() -> str:
    """What is piped into us; a pipe that nobody writes to is not waited for."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return ""
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], PIPE_PATIENCE)
    return sys.stdin.readline().rstrip("\r\n") if ready else ""


@user.command("set-role")
@click.argument("name")
@click.argument("role", type=role_option)
def set_role(name: str, role: str) -> None:
    """Make an account user or admin; it has to sign in again."""
    with current_database():
        account = _account(name)
        try:
            set_account_role(account["id"], role, "admin" if role == "suspended" else None)
        except LastAdmin:
            raise Failure(f"{account['name']} is the only admin; make somebody else admin first") from None
    click.echo(f"{clean(account['name'])} is {role} now")


def _account(name: str) -> Row:
    account = users.find(name)
    if account is None:
        raise WrongUse(f"there is no account {name}; `medianest user list` shows them")
    return account


@click.group(short_help="Create a personal token.")
def token() -> None:
    """Create a personal token."""


@token.command("create")
@click.option("--user", "name", required=True, metavar="NAME", help="Whose token it is.")
@click.option("--name", "label", required=True, metavar="LABEL", help="What the token is for.")
def create_token(name: str, label: str) -> None:
    """Print a new token, once and alone on its line. It may do all that the user's role allows."""
    wanted = _valid(tokens.Label, label, "a label has 1 to 100 printable characters")
    with current_database():
        _, text = tokens.create(_account(name)["id"], wanted)
    click.echo(text)


@click.command(short_help="Print the code for the first sign-in.")
def setup_code() -> None:
    """Print the code that makes its holder the first admin."""
    with current_database():
        if users.admin_exists():
            raise Failure(
                "there is an admin already; `medianest user create NAME --role admin` makes another"
            )
        click.echo(f"Setup code: {setup.code()}")
