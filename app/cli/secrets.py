"""`medianest secrets`: replace the key that the secrets in the database are sealed under, while all runs; or forget
what was sealed under one that is lost."""

import time
from contextlib import suppress

import click

from app.accounts import sessions, tokens
from app.cli.failure import Failure, checked_settings
from app.cli.local import confirm, current_database
from app.cli.words import clean
from config.database import transaction
from config.key_file import AnotherRotation, rotation
from pipelines.models import audit
from pipelines.models.account import SYSTEM
from pipelines.models.sealed import Lost, Outcome, lost, reseal
from pipelines.models.sealed import forget as forget_text
from pipelines.models.secret import SecretLost

WAIT = 15.0  # seconds; a request that takes longer to store what it sealed has failed

HOW_TO_BEGIN = """\
the secret is in MEDIANEST_SECRET_KEY, which this command cannot change. To replace it:
1. give every process a new MEDIANEST_SECRET_KEY and the present one as MEDIANEST_SECRET_KEY_OLD, and restart them;
2. run medianest secrets rotate with both;
3. take MEDIANEST_SECRET_KEY_OLD away again."""

PEPPER = "secret:pepper"  # without it no personal token can be recognised

IF_LOST = "put back the secret key that they were sealed under, or run: medianest secrets forget"

WHAT_GOES = """\
No key that is here opens these. Forgotten, they have to be set again: services get their secrets anew, people lend their
cookies and sign in with Plex again{tokens}.
If the secret key is anywhere to be found, put it back instead."""

HOW_TO_END = "Now take MEDIANEST_SECRET_KEY_OLD away from every process and restart them."


@click.group(short_help="Replace the key that secrets are sealed under, or forget what it was lost for.")
def secrets() -> None:
    """Replace the key that secrets are sealed under, or forget what was sealed under a lost one."""


@secrets.command()
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=WAIT,
    metavar="SECONDS",
    help=f"Let running processes store what they just sealed under the old key ({WAIT:.0f}; 0 if none runs).",
)
def rotate(wait: float) -> None:
    """Seal every secret in the database under a new key.

    Everything may go on running. If the command is cut short, nothing is lost: run it again. Personal tokens and
    sessions stay valid; a printed setup code does not.
    """
    with current_database():
        here = checked_settings()
        with suppress(SecretLost):  # it is told of below
            tokens.pepper()  # its first value may be the secret that is about to go
        if here.secret_key and not here.earlier_secrets():
            raise Failure(HOW_TO_BEGIN)
        outcome = _finish(0.0) if here.secret_key else _with_new_key(wait)
    for identity in outcome.lost:
        click.echo(f"medianest: {identity} opens with no key that is here; it has to be set again", err=True)
    if outcome.lost:
        click.echo(f"medianest: {IF_LOST}", err=True)
    click.echo(f"sealed {outcome.sealed} secrets anew")
    if here.secret_keys_old:
        click.echo(HOW_TO_END)


def _with_new_key(wait: float) -> Outcome:
    try:
        with rotation(checked_settings().secret_file):
            return _finish(wait)
    except AnotherRotation:
        raise Failure("the secrets are being rotated already") from None


def _finish(wait: float) -> Outcome:
    """Seal anew until nothing is left under an old key, not even what was on its way when the key changed."""
    outcome = reseal()
    time.sleep(wait)
    while (late := reseal()).sealed:
        outcome.sealed += late.sealed
    detail = {"sealed": outcome.sealed, "lost": late.lost}
    audit.record("secrets.rotated", actor_id=SYSTEM, actor="local", detail=detail)
    return Outcome(outcome.sealed, late.lost)


@secrets.command()
@click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal.")
def forget(yes: bool) -> None:
    """Remove what no key opens any more, after naming it.

    For a database whose secret key is gone for good; run it with the settings that everything else runs with.
    """
    with current_database():
        gone = lost()
        if not gone:
            click.echo("every secret opens; there is nothing to forget")
            return
        for each in gone:
            click.echo(clean(each.identity))
        pepper = any(each.identity == PEPPER for each in gone)
        click.echo(WHAT_GOES.format(tokens=", and all personal tokens are deleted" if pepper else ""))
        confirm("Forget them?", yes)
        forgotten, revoked = _forget(gone)
    click.echo(f"forgot {len(forgotten)} secrets and {revoked} personal tokens; restart whatever runs")


def _forget(gone: list[Lost]) -> tuple[list[str], int]:
    """The identities of what was forgotten, and how many tokens went with it."""
    with transaction():
        done = [each for each in gone if forget_text(each)]
        for each in done:
            if each.column.name == "plex_token":
                sessions.revoke_others(each.row["id"], None)
        names = [each.identity for each in done]
        revoked = tokens.revoke_all() if PEPPER in names else 0
        detail = {"forgotten": names, "tokens": revoked}
        audit.record("secrets.forgotten", actor_id=SYSTEM, actor="local", detail=detail)
    return names, revoked
