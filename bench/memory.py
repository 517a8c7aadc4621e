"""What the whole embedded system takes while it is idle: `medianest up` with SQLite and its private Redis.

The proportional set sizes (PSS) of all its processes, after twenty probes and ten seconds of rest.
"""

import time
from collections import defaultdict

import psutil

from bench.feed import proportional_memory
from bench.figure import Figure, Setting
from tests.system import System

DATABASES = ("SQLite",)
TARGET = 200.0  # MB
REST = 10.0  # seconds
PROBES = 20
PROGRAMS = ("redis", "gunicorn", "scheduler", "download", "worker")


def program_of(process: psutil.Process) -> str:
    """What the process is to the system."""
    words = " ".join(process.cmdline())
    return next((name for name in PROGRAMS if name in words), "supervisor")


def measure(setting: Setting) -> list[Figure]:
    """The sum, and its parts as a note."""
    parts: dict[str, float] = defaultdict(float)
    with System(setting.folder / "system") as system:
        for _ in range(2 if setting.short else PROBES):
            job = system.submit("probe")
            system.wait_for(job["id"], "succeeded")
        time.sleep(1 if setting.short else REST)
        assert system.process is not None
        for each in [system.process, *system.process.children(recursive=True)]:
            parts[program_of(each)] += proportional_memory(each.pid) / 1e6
        system.stop()
    total = sum(parts.values())
    note = ", ".join(f"{name} {size:.0f}" for name, size in sorted(parts.items()))
    return [
        Figure(
            *("idle memory of the embedded system (PSS)", "SQLite", total, TARGET, True, "MB"),
            ours=f"{total:.0f} MB",
            notes=[note],
        )
    ]
