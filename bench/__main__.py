"""`make bench`: measure everything on both databases, print the table, write docs/performance.md and .json.

A measurement that raises is reported and the others go on; the exit code is then 1. A target that is missed
is for the reader to judge: machines differ.
"""

import argparse
import importlib
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from bench import machine
from bench.figure import Setting
from bench.report import BOTH, Report
from tests.servers import PostgresServer

MODULES = (
    *("submit", "throughput", "depth", "latency", "feed", "api_while_fed", "lingering", "restarts", "memory"),
    "rescue",
    "downloads",
)
DOCS = Path(__file__).parent.parent / "docs"


class Databases:
    """Empty databases, one for each measurement; PostgreSQL starts when it is first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._postgres: PostgresServer | None = None

    @contextmanager
    def setting(self, database: str, short: bool) -> Iterator[Setting]:
        """Where one measurement takes place."""
        with tempfile.TemporaryDirectory(prefix="medianest-bench-") as folder:
            if database != "PostgreSQL":
                yield Setting(database, {}, Path(folder), short)
                return
            if self._postgres is None:
                self._postgres = self._stack.enter_context(PostgresServer(durable=True))
            url = self._postgres.create_database()
            try:
                yield Setting(database, {"DATABASE_URL": url}, Path(folder), short)
            finally:
                self._postgres.drop_database(url)


def run(names: list[str], short: bool) -> Report:
    """Measure one after the other."""
    report = Report(machine.describe(), judged=not short)
    began = time.monotonic()
    with ExitStack() as stack:
        databases = Databases(stack)
        for name in names:
            try:
                module = importlib.import_module(f"bench.{name}")
            except ImportError as error:
                _failed(report, name, error)
                continue
            report.methods[name] = module.__doc__ or ""
            for database in getattr(module, "DATABASES", BOTH):
                _measure(module, name, database, databases, report)
    report.seconds = time.monotonic() - began
    return report


def _measure(module: ModuleType, name: str, database: str, databases: Databases, report: Report) -> None:
    began = time.monotonic()
    try:
        with databases.setting(database, not report.judged) as setting:
            figures = [replace(each, method=name) for each in module.measure(setting)]
    except Exception as error:  # noqa: BLE001 (the others are still worth having)
        _failed(report, f"{name} ({database})", error)
        return
    report.figures += figures
    print(f"{name} ({database}): {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def _failed(report: Report, what: str, error: Exception) -> None:
    traceback.print_exception(error)
    report.failures.append(f"{what}: {type(error).__name__}: {error}")


def main() -> int:
    """Parse the command line; 1 if anything could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only show that every measurement works")
    parser.add_argument("--only", action="append", choices=MODULES, help="measure this (may be repeated)")
    parser.add_argument("--json", type=Path, help="write the result here")
    arguments = parser.parse_args()
    report = run(arguments.only or list(MODULES), arguments.short)
    print(report.as_text())
    if arguments.json:
        arguments.json.write_text(report.as_json())
    if not arguments.short and not arguments.only:
        DOCS.mkdir(exist_ok=True)
        (DOCS / "performance.json").write_text(report.as_json())
        (DOCS / "performance.md").write_text(report.as_page())
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
