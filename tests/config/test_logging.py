"""Logs: what they look like, what they never say, and that they stop nobody."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SAY = """
import logging, os, structlog
from config.logging import configure
configure("trial")
log = structlog.get_logger("trial")
with structlog.contextvars.bound_contextvars(job_id="7"):
    log.info("it began", title="A film", password="hunter2", header="Bearer abcdef")
log.debug("too much")
class Shy:
    def __str__(self): raise RuntimeError("not me")
    __repr__ = __str__
log.info("it is shy", who=Shy())
logging.getLogger("library").warning("a library says %s", "so")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("it failed", address="http://example/?token=abc")
print("went on")
"""


def say(form: str, stderr: int | None, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    env = {"MEDIANEST_LOG": form, "MEDIANEST_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", SAY],
        env=env,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
    )


def test_json_lines_carry_the_context_and_no_secret(tmp_path: Path) -> None:
    done = say("json", subprocess.PIPE, tmp_path)
    began, shy, library, failed = map(json.loads, done.stderr.splitlines())
    assert (
        began.items()
        >= {
            "event": "it began",
            "level": "info",
            "program": "trial",
            "job_id": "7",
            "title": "A film",
            "password": "…",
        }.items()
    )
    assert shy == {"event": "it is shy", "cannot_be_shown": "RuntimeError"}
    assert library["event"] == "a library says so" and library["level"] == "warning"
    assert "ZeroDivisionError" in failed["exception"]
    assert "hunter2" not in done.stderr and "abcdef" not in done.stderr


def test_text_lines_are_for_reading(tmp_path: Path) -> None:
    done = say("text", subprocess.PIPE, tmp_path)
    lines = done.stderr.splitlines()
    assert "[info] it began title='A film' password=…" in lines[0] and "job_id=7" in lines[0]
    assert lines[1] == '{"event":"it is shy","cannot_be_shown":"RuntimeError"}'
    assert "[warning] a library says so" in lines[2]
    assert "[error] it failed" in lines[3] and lines[4].startswith("Traceback")
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "hunter2" not in done.stderr and "abcdef" not in done.stderr


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_full_disk_under_the_log_stops_nobody(form: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = say(form, full.fileno(), tmp_path)
    assert done.stdout == "went on\n"
