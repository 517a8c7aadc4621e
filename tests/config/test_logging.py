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


CANARY = "cAnarY-x7Qf_2b"
TELLING = (
    f"http://plex.example/library?a=b&X-Plex-Token={CANARY}&c=d",
    f"http://ann:{CANARY}@example.com/path",
    f"X-Plex-Token: {CANARY}",
    f"{{'X-Plex-Token': '{CANARY}', 'Accept': 'application/json'}}",
    f'{{\\"X-Api-Key\\": \\"{CANARY}\\"}}',
    f'<user authToken="{CANARY}" id="1"/>',
    f'{{"accessToken":"{CANARY}"}}',
    f"password={CANARY}",
    f"api_key: {CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"'Authorization': 'Token {CANARY}'",
    f"Cookie: theme=dark; sid={CANARY}",
    f"GET / mn_session={CANARY}; path=/",
    f"mn_sign_in={CANARY}",
    f"mnp_abcdefgh_{CANARY.replace('-', '')}",
)
TELL_ALL = """
import json, logging, sys, structlog
from config.logging import configure
configure("trial")
log = structlog.get_logger("trial")
told, canary = json.load(sys.stdin)
class Thing:
    def __str__(self): return told[0]
for text in told:
    log.info(text)
    log.info("a value", value=text)
    log.info("deep", value={"a": [1, {"b": (text,)}], "rest": {"plex_token": canary, "X-Api-Key": canary}})
    log.info("an error", error=ValueError(text))
    logging.getLogger("library").warning("a library says %s", text)
    try:
        raise RuntimeError(text) from KeyError(text)
    except RuntimeError:
        log.exception("it failed")
        logging.getLogger("library").exception("it failed too")
log.info("a thing", thing=Thing(), things=[Thing()], headers={"Cookie": canary}, password=canary, setup_code=canary)
log.info("the code is ABCD-EF23-GHI7")
log.info("harmless", title="a token of love", url="http://example.com/a?b=c", some="this-that-them", n=3, none=None)
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


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_told_in_whatever_form_it_comes(form: str, tmp_path: Path) -> None:
    env = {"MEDIANEST_LOG": form, "MEDIANEST_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", TELL_ALL],
        env=env,
        input=json.dumps([TELLING, CANARY]),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert len(lines) >= 7 * len(TELLING) + 3
    assert not [line for line in lines if CANARY in line or CANARY.replace("-", "") in line or "ABCD" in line]
    assert "a token of love" in lines[-1] and "a?b=c" in lines[-1] and "this-that-them" in lines[-1]
    assert done.stdout == "" and "cannot_be_shown" not in done.stderr


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
