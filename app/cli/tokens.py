"""`medianest token`: personal tokens of any account, on this machine's database."""

import click

from app.accounts import tokens
from app.accounts.identity import SCOPES, Scope
from app.cli.accounts import account_of, valid
from app.cli.failure import WrongUse
from app.cli.local import current_database, note
from app.cli.show import table
from app.cli.words import clean, stamp
from config.database import Row, now, transaction

DAY = 86400.0
MOST_DAYS = 3653  # ten years

whose = click.option("--user", "name", required=True, metavar="NAME", help="Whose token it is.")


@click.group(short_help="Create, list and revoke personal tokens.")
def token() -> None:
    """Create, list and revoke personal tokens."""


@token.command()
@whose
@click.option("--name", "label", required=True, metavar="LABEL", help="What the token is for.")
@click.option(
    "--scope",
    "wanted",
    type=click.Choice(SCOPES),
    multiple=True,
    help="What it may do, once for each: look, submit and steer jobs, act as admin. All that the user may, if not said.",
)
@click.option("--days", type=click.IntRange(1, MOST_DAYS), help="It expires after so many.")
def create(name: str, label: str, wanted: tuple[Scope, ...], days: int | None) -> None:
    """Print a new token, once and alone on its line."""
    label = valid(tokens.Label, label, "a label has 1 to 100 printable characters")
    with current_database():
        account = account_of(name)
        scopes = _scopes(account, wanted)
        with transaction():
            expires_at = None if days is None else now() + days * DAY
            row, text = tokens.create(account["id"], label, scopes, expires_at)
            note("token.created", row["id"], user=account["name"], label=label, scopes=scopes)
    click.echo(text)


def _scopes(account: Row, wanted: tuple[Scope, ...]) -> list[Scope]:
    own = tokens.all_of(account["role"])
    if set(wanted) - set(own):
        raise WrongUse(f"{account['name']} is no admin, so no token of theirs has the scope admin")
    return [scope for scope in own if scope in (wanted or own)]


@token.command("list")
@whose
def list_tokens(name: str) -> None:
    """List somebody's tokens; they themselves are not stored."""
    with current_database():
        rows = tokens.of_account(account_of(name)["id"])
    if rows:
        click.echo(table([("ID", "SCOPES", "CREATED", "EXPIRES", "USED", "FOR"), *map(_row, rows)]))
    else:
        click.echo(f"medianest: {clean(name)} has no tokens", err=True)


def _row(row: Row) -> tuple[str, ...]:
    moments = (row["created_at"], row["expires_at"], row["used_at"])
    created, expires, used = (stamp(moment) if moment else "never" for moment in moments)
    return row["id"], row["scopes"], created, expires, used, clean(row["label"])


@token.command()
@click.argument("token_id", metavar="ID")
def revoke(token_id: str) -> None:
    """Make a token worthless; `token list` shows the ids."""
    with current_database(), transaction():
        gone = tokens.revoke(token_id)
        if gone is None:
            raise WrongUse(f"there is no token {clean(token_id)}")
        note("token.revoked", gone["id"], label=gone["label"])
    click.echo(f"revoked {gone['id']} ({clean(gone['label'])})")
