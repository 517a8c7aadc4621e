"""`medianest audit`: who did what, from where, out of this machine's database."""

from itertools import islice

import click

from app.accounts import users
from app.accounts.export import as_csv
from app.cli.failure import WrongUse
from app.cli.local import current_database
from app.cli.show import table
from app.cli.words import clean, stamp
from config.database import Row
from config.json_text import read_json
from pipelines.models.account import SYSTEM
from pipelines.models.audit import Chosen, everything

SHOWN = 50


@click.command(short_help="Show who did what, from where.")
@click.option("--action", help="Only this, such as auth.login, or all that begin with it, such as auth.")
@click.option(
    "--actor", metavar="NAME", help="Only what this account did, or its id; `local` is this command line."
)
@click.option("--csv", "as_file", is_flag=True, help="For a spreadsheet; all there is, if no limit is given.")
@click.option("--limit", type=click.IntRange(1), help=f"How many, the newest first ({SHOWN}).")
def audit(action: str | None, actor: str | None, as_file: bool, limit: int | None) -> None:
    """Show who did what, from where, the newest first."""
    with current_database():
        chosen = Chosen(action=action, actor_id=None if actor is None else _actor_id(actor))
        if as_file:
            for line in as_csv(islice(everything(chosen), limit)):
                click.echo(line, nl=False)
            return
        rows = list(islice(everything(chosen), limit or SHOWN))
    if rows:
        click.echo(table([("WHEN", "WHO", "FROM", "ACTION", "TARGET", "DETAIL"), *map(_row, rows)]))
    else:
        click.echo("medianest: nothing of the kind has happened", err=True)


def _actor_id(name: str) -> int:
    """An account's id; that of a deleted one is known by its number alone."""
    account = users.find(name)
    if account is not None:
        return int(account["id"])
    if name == "local":
        return SYSTEM
    if name.isascii() and name.isdigit() and len(name) < 19:
        return int(name)
    raise WrongUse(f"there is no account {clean(name)}; give the id of one that was deleted")


def _row(row: Row) -> tuple[str, ...]:
    who = "-" if row["actor_id"] is None else row["actor"]
    detail = ", ".join(f"{name} {value}" for name, value in read_json(row["detail"]).items())
    texts = (who, row["address"] or "-", row["action"], row["target"], detail)
    return stamp(row["at"]), *map(clean, texts)
