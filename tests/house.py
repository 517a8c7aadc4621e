"""A copy of the house with more kinds in it: one file in `pipelines/`, one line in `registry.py`."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
ROOMS = ("app", "config", "pipelines", "workers")


def copy_with(kinds: Path, target: Path) -> Path:
    """Copy the house to `target` and register the KINDS of the file `kinds` there."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Procfile", target / "Procfile")
    shutil.copy(kinds, target / "pipelines" / "sample.py")
    registry = target / "pipelines" / "registry.py"
    line = "\nKINDS.update({kind.name: kind for kind in __import__('pipelines.sample').sample.KINDS})\n"
    registry.write_text(registry.read_text() + line)
    return target


@contextmanager
def process(
    house: Path, *command: str, env: dict[str, str] | None = None, log: Path | None = None
) -> Iterator[psutil.Popen]:
    """A Python process of the house in a session of its own; its whole tree is gone afterwards."""
    surroundings = {**os.environ, "PYTHONPATH": str(house), **(env or {})}
    output = log.open("ab") if log else None
    child = psutil.Popen(
        [sys.executable, *command],
        cwd=house,
        env=surroundings,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    try:
        yield child
    finally:
        kill_tree(child)
        if output:
            output.close()


def kill_tree(child: psutil.Popen) -> None:
    """SIGKILL a process and everything below it, children first found, and reap it."""
    try:
        family = [*child.children(recursive=True), child]
    except psutil.NoSuchProcess:
        return
    for member in family:
        try:
            member.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    child.wait(10)
