"""`medianest secrets rotate`: replace the key that the secrets in the database are sealed under, while all runs."""

import time
from contextlib import suppress

import click

from app.accounts import tokens
from app.cli.failure import Failure, checked_settings
from app.cli.local import current_database
from config.key_file import AnotherRotation, rotation
from pipelines.models import audit
from pipelines.models.account import SYSTEM
from pipelines.models.sealed import Outcome, reseal
from pipelines.models.secret import SecretLost

WAIT = 15.0  # seconds; a request that takes longer to store what it sealed has failed

HOW_TO_BEGIN = """\
the secret is in MEDIANEST_SECRET_KEY, which this command cannot change. To replace it:
1. give every process a new MEDIANEST_SECRET_KEY and the present one as MEDIANEST_SECRET_KEY_OLD, and restart them;
2. run medianest secrets rotate with both;
3. take MEDIANEST_SECRET_KEY_OLD away again."""

HOW_TO_END = "Now take MEDIANEST_SECRET_KEY_OLD away from every process and restart them."


@click.group(short_help="Replace the key that secrets are sealed under.")
def secrets() -> None:
    """Replace the key that secrets are sealed under."""


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
