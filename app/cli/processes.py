"""`medianest up`, `web`, `worker`, `scheduler`: become that process; nothing of it is imported here."""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from app.cli.failure import checked_settings

ROOT = Path(__file__).parents[2]
PROBE = "medianest submit probe --follow"


@click.command(short_help="Run everything on this machine.")
@click.option("--port", type=click.IntRange(1, 65535), help="Listen here instead of PORT (8000).")
@click.option(
    "--data", type=click.Path(file_okay=False), help="Data directory instead of MEDIANEST_DATA_DIR."
)
@click.option(
    "--scale", default="", metavar="NAME=N,…", help="Processes of each type: worker=2,downloader=3."
)
@click.option("--then", default="", metavar="COMMAND", help="Run this once everything is ready.")
@click.option("--probe", is_flag=True, help="Once ready, check every service and print the result.")
def up(port: int | None, data: str | None, scale: str, then: str, probe: bool) -> None:
    """Run everything on this machine: web, workers, scheduler, and Redis where no REDIS_URL is set.

    A process that dies is started again. Ctrl-C stops everything; running jobs go back to their
    queue and resume after the next start.
    """
    if then and probe:
        raise click.UsageError("--then and --probe: give one of them")
    changes = {} if port is None else {"PORT": str(port)}
    if data is not None:
        changes["MEDIANEST_DATA_DIR"] = data
    arguments = [f"--scale={scale}"] if scale else []
    if then or probe:
        arguments.append(f"--then={then or PROBE}")
    _become("workers.supervisor", *arguments, **changes)


@click.command(short_help="Run the web process.")
def web() -> None:
    """Run the web process: pages, REST API and live feed."""
    _become("gunicorn", "-c", "python:config.gunicorn", "app:create_app()", **_metrics_folder())


@click.command(short_help="Run a worker process.")
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="Serve this queue; may be repeated.")
@click.option("--threads", type=click.IntRange(min=1), help="Jobs at once (8).")
def worker(queues: tuple[str, ...], threads: int | None) -> None:
    """Run a worker process. Without --queue it serves every queue but `download`."""
    arguments = [f"--queue={queue}" for queue in queues]
    if threads is not None:
        arguments.append(f"--threads={threads}")
    _become("workers.worker", *arguments, **_metrics_folder())


@click.command(short_help="Run the scheduler process.")
def scheduler() -> None:
    """Run the scheduler process. Of several, one leads and the others stand by."""
    _become("workers.scheduler", **_metrics_folder())


def _metrics_folder() -> dict[str, str]:
    """Where this machine's processes count together, unless that is set already."""
    here = checked_settings()
    return {} if here.metrics_dir else {"PROMETHEUS_MULTIPROC_DIR": str(here.run_dir / "metrics")}


def _become(module: str, *arguments: str, **changes: str) -> NoReturn:
    """Replace this process by `python -m module …`, with `changes` made to its environment."""
    from config.settings import environment  # slow to load; `--help` does without

    env = environment(**changes)
    for name in changes:
        env.pop(f"{name}_FILE", None)  # what the command line says goes before what a file says
    # A file `app.py` in the folder where the user stands must not be taken for ours. gunicorn puts that
    # folder ($PWD) first unless it is in the path already, so we put it last.
    here = env["PWD"] = os.getcwd()
    env["PYTHONSAFEPATH"] = "1"
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), env.get("PYTHONPATH"), here)))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], env)
