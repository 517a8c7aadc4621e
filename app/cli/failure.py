"""How a command ends when it cannot do its work: sentences on standard error and an exit code."""

import sys
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from config.settings import Settings

FAILED, USAGE, UNREACHABLE = 1, 2, 3


class Failure(click.ClickException):
    """Ends the command; each line of the message is shown as `medianest: …`."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message."""
        for line in self.message.splitlines():
            click.echo(f"medianest: {line}", file=file or sys.stderr)


class WrongUse(Failure):
    """What was asked for, or how MediaNest is set up, makes no sense."""

    exit_code = USAGE


class Unreachable(Failure):
    """The server gives no answer, or says that it cannot answer now."""

    exit_code = UNREACHABLE


def checked_settings() -> "Settings":
    """The settings; WrongUse with all that is wrong with them, one problem a line."""
    from config.settings import SettingsError, settings  # slow to load, and not every command needs it

    try:
        return settings()
    except SettingsError as error:
        raise WrongUse("\n".join(error.problems)) from None
