"""`medianest user`: the people who can sign in, on this machine's database."""

import os
import secrets
import select
import stat
import sys
from typing import IO, Any

import click
from pydantic import TypeAdapter, ValidationError

from app.accounts import passwords, users
from app.cli.failure import Failure, WrongUse
from app.cli.local import confirm, current_database, note
from app.cli.show import table
from app.cli.words import clean, stamp
from config.database import Row, transaction
from pipelines.models.account import LastAdmin

PIPE_PATIENCE = 3.0  # seconds that we wait for a password that somebody pipes in


def account_of(name: str) -> Row:
    """The account of this name; raises WrongUse."""
    account = users.find(name)
    if account is None:
        raise WrongUse(f"there is no account {name}; `medianest user list` shows them")
    return account


def valid(form: Any, text: str, rule: str) -> str:
    """The text as `form` has it; WrongUse with the rule if it breaks it."""
    try:
        return TypeAdapter[str](form).validate_python(text)
    except ValidationError:
        raise WrongUse(rule) from None


@click.group(short_help="List accounts, create or delete one, change a role.")
def user() -> None:
    """List accounts, create or delete one, change a role."""


@user.command("list")
def list_users() -> None:
    """List the accounts."""
    with current_database():
        rows = [_row(account) for account in users.everyone()]
    if rows:
        click.echo(table([("NAME", "ROLE", "WHY", "CREATED", "SEEN"), *rows]))
    else:
        click.echo("medianest: there are no accounts yet", err=True)


def _row(account: Row) -> tuple[str, ...]:
    why = {"approval": "waits for approval", "access": "no access at Plex", "admin": "by an admin"}
    seen = stamp(account["seen_at"]) if account["seen_at"] else "never"
    known = why.get(account["suspended"], "")
    return clean(account["name"]), account["role"], known, stamp(account["created_at"]), seen


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(("admin", "user")), required=True)
@click.option(
    "--password-file", type=click.File("r"), help="Its first line is the password; - is standard input."
)
def create(name: str, role: str, password_file: IO[str] | None) -> None:
    """Create an account.

    The password is asked for in a terminal, otherwise read from standard input if something is piped
    in, otherwise made up and printed.
    """
    wanted = valid(users.Name, name, "a name has 1 to 64 printable characters")
    with current_database():
        if users.find(wanted):
            raise Failure(f"there is an account {wanted} already")
        password, made_up = _password(password_file)
        try:
            with transaction():
                users.create(wanted, password, role)
                note("user.created", wanted, role=role)
        except users.NameTaken:
            raise Failure(f"there is an account {wanted} already") from None
    click.echo(f"created {role} {wanted}")
    if made_up:
        click.echo(f"Password: {password}")


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
@click.argument("role", type=click.Choice(users.ROLES))
def set_role(name: str, role: users.Role) -> None:
    """Make an account user, admin or suspended; another role means signing in again.

    `user` also lets somebody in who waits for approval. Suspended lasts until an admin lifts it.
    """
    with current_database():
        account = account_of(name)
        try:
            with transaction():
                changed = users.revise(account["id"], role)
                if changed and (changes := users.differences(*changed)):
                    note("user.changed", account["name"], id=str(account["id"]), **changes)
        except LastAdmin:
            raise _only_admin(account) from None
    click.echo(f"{clean(account['name'])} is {role} now")


def _only_admin(account: Row) -> Failure:
    return Failure(f"{account['name']} is the only admin; make somebody else admin first")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
def delete(name: str, yes: bool) -> None:
    """Delete an account with its sessions, tokens and cookies.

    Its jobs that have not ended are cancelled; what it downloaded stays.
    """
    # slow to load, and no other of these commands needs it
    from app.accounts.removal import remove
    from config import logging
    from pipelines.jobs.events import publisher

    with current_database():
        account = account_of(name)
        confirm(f"Delete {clean(account['name'])}?", yes)
        logging.configure("cli")
        try:
            with transaction():
                remove(account["id"])
                note("user.deleted", account["name"], id=str(account["id"]), role=account["role"])
        except LastAdmin:
            raise _only_admin(account) from None
        publisher.flush()
    click.echo(f"deleted {clean(account['name'])}")
