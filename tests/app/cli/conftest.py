"""The command line as its user meets it: a process with a data directory of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]

ROOT = Path(__file__).parents[3]
SECONDS = 60.0


def surroundings(data: Path, **changes: str) -> dict[str, str]:
    """The environment of a command: ours without any setting of MediaNest, and `changes`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MEDIANEST_", "PLEX_", "OVERSEERR_", "UPTIME_KUMA_"))
        and name not in ("PORT", "DATABASE_URL", "REDIS_URL")
    }
    return {**kept, "MEDIANEST_DATA_DIR": str(data), "PYTHONPATH": str(ROOT), **changes}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a database and the admin anna, to copy."""
    data = tmp_path_factory.mktemp("template") / "data"
    for words in (("db", "upgrade"), ("user", "create", "anna", "--role", "admin")):
        command = [sys.executable, "-m", "app.cli.main", *words]
        subprocess.run(command, env=surroundings(data), stdin=subprocess.DEVNULL, check=True, timeout=SECONDS)
    return data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def anna(template: Path, data: Path) -> str:
    """The name of the admin that the data directory has, together with its database."""
    shutil.copytree(template, data)
    return "anna"


@pytest.fixture
def medianest(data: Path, tmp_path: Path) -> Run:
    """Runs `medianest WORDS…` with settings given by name; standard input is empty unless `given`."""

    def run(*words: str, given: str | None = None, **settings: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "app.cli.main", *words],
            cwd=tmp_path,
            env=surroundings(data, **settings),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    return run
