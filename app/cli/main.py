"""`medianest`: finds the command and loads its module only, so that processes start without waiting."""

import importlib
import io
import sys

import click

COMMANDS = {
    "up": "processes",
    "web": "processes",
    "worker": "processes",
    "scheduler": "processes",
    "db": "local",
    "user": "accounts",
    "token": "tokens",
    "setup-code": "local",
    "audit": "audit",
    "secrets": "secrets",
    "service": "services",
    "doctor": "doctor",
    "submit": "remote",
    "jobs": "remote",
    "job": "remote",
    "cancel": "remote",
    "pause": "remote",
    "resume": "remote",
    "retry": "remote",
}
"""Command → the module that has it, as a function of that name (`-` is `_`)."""


class Commands(click.Group):
    """The commands, loaded when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which one meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"app.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """MediaNest: one place around a Plex server.

    `medianest up` starts everything on this machine. The commands about jobs ask the server at
    MEDIANEST_URL (http://127.0.0.1:8000 if that is not set) and use MEDIANEST_TOKEN, or else the
    token that `up` keeps in the data directory.
    """


def main() -> None:
    """Run the command line; nobody sees a traceback unless Python runs in development mode (-X dev)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a title may hold what the terminal cannot show
    try:
        cli(prog_name="medianest")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"medianest: {place}{error.strerror or error}", err=True)
        sys.exit(1)
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        click.echo(f"medianest: a mistake in MediaNest itself: {type(error).__name__}: {error}", err=True)
        click.echo("medianest: python -X dev -m app.cli.main … shows where", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
