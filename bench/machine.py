"""What the figures were measured on; nothing that names the machine or its owner."""

import os
import platform
import re
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from tests.servers import postgres_binaries, redis_binary

LIBRARIES = (
    *("flask", "flask-openapi", "gunicorn", "pydantic", "peewee", "psycopg2-binary", "dramatiq", "redis"),
    *("structlog", "simple-websocket", "wsproto", "websockets"),
)


def describe() -> dict[str, str]:
    """Name → value, in reading order."""
    return {
        "CPU": f"{_cpu()}, {len(os.sched_getaffinity(0))} cores",
        "Memory": f"{psutil.virtual_memory().total / (1 << 30):.0f} GiB",
        "System": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _version_of(postgres_binaries() / "postgres"),
        "Redis": _version_of(redis_binary()),
        "Libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _cpu() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _version_of(program: Path) -> str:
    """The first number with dots that a program says of itself."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else "unknown"
