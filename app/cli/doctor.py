"""`medianest doctor`: look at everything MediaNest needs and say in words what is wrong and what to do."""

import sys

import click

from app.cli.failure import FAILED, USAGE, WrongUse, checked_settings


@click.command(short_help="Check everything MediaNest needs.")
def doctor() -> None:
    """Check everything MediaNest needs; exit code 0 unless something FAILs."""
    try:
        checked_settings()
    except WrongUse as error:
        for problem in error.message.splitlines():
            _show("FAIL", "settings", problem)
        sys.exit(USAGE)
    from app.cli.checks import findings  # what it imports needs settings that are right

    failed = False
    for finding in findings():
        _show(finding.mark, finding.name, finding.text)
        failed = failed or finding.mark == "FAIL"
    if failed:
        sys.exit(FAILED)


def _show(mark: str, name: str, text: str) -> None:
    click.echo(f"{mark:<4}  {name:<14}  {text}")
