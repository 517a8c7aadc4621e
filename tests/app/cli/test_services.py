"""`medianest service` against the application as it is served."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli.client import LOCAL_PREFIX
from tests.app.cli.conftest import ROOT, Done, Run, surroundings
from tests.app.web_process import WebServer
from tests.servers import RedisServer
from tests.standins.plex_sample import Sample

CANARY = "canary-of-a-secret"
LOCAL = "l" * 43


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    with Sample() as running:
        yield running


@pytest.fixture
def server(anna: str, data: Path, redis_server: RedisServer) -> Iterator[WebServer]:
    (data / "local-token").write_text(LOCAL)
    with WebServer({"MEDIANEST_DATA_DIR": str(data), "REDIS_URL": redis_server.url}) as running:
        yield running


@pytest.fixture
def service(medianest: Run, server: WebServer) -> Run:
    """Runs `medianest service WORDS…`; nothing that it prints holds a secret."""

    def run(*words: str, given: str | None = None) -> Done:
        done = medianest("service", *words, given=given, PORT=str(server.port))
        assert CANARY not in done.stdout + done.stderr + server.log
        return done

    return run


def listed(service: Run) -> dict[str, dict[str, object]]:
    lines = service("list", "--json").stdout.splitlines()
    return {each["name"]: each for each in map(json.loads, lines)}


def test_a_service_is_set_tested_and_disconnected(service: Run, sample: Sample, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{sample.owner.token}\n")
    done = service("set", "plex", "--url", sample.plex.base, "--token-file", str(file))
    assert done.returncode == 0 and done.stdout.startswith("plex up, answers in "), done.stderr
    assert listed(service)["plex"]["url"] == sample.plex.base and listed(service)["plex"]["has_secret"]
    tested = service("test", "plex")
    assert tested.returncode == 0 and f"{sample.server.name} {sample.server.version}" in tested.stdout
    table = service("list").stdout
    assert "overseerr" in table and sample.plex.base in table and sample.owner.token not in table
    assert service("set", "plex", "--disconnect").stdout == "plex unconfigured\n"
    assert listed(service)["plex"]["url"] is None


def test_a_test_that_fails_is_exit_code_1_with_advice(service: Run, sample: Sample) -> None:
    done = service("set", "plex", "--url", sample.plex.base, "--token-file", "-", given=CANARY)
    assert done.returncode == 0 and "It refuses the token." in done.stdout
    tested = service("test", "plex")
    assert tested.returncode == 1
    assert "plex degraded" in tested.stdout and "Get the server's token anew" in tested.stdout
    found = service("test", "plex", "--json")
    assert found.returncode == 1 and json.loads(found.stdout)["ok"] is False


def test_the_secret_stays_without_a_file_and_does_not_go_elsewhere(service: Run, sample: Sample) -> None:
    service("set", "plex", "--url", sample.plex.base, "--token-file", "-", given=sample.owner.token)
    assert service("set", "plex", "--url", sample.plex.base).returncode == 0
    assert service("test", "plex").returncode == 0
    moved = service("set", "plex", "--url", "http://127.0.0.1:9")
    assert moved.returncode == 2 and "token: give it again" in moved.stderr


def test_overseerrs_secret_is_its_api_key(service: Run) -> None:
    done = service("set", "overseerr", "--url", "http://127.0.0.1:9", "--token-file", "-", given=CANARY)
    assert done.returncode == 0 and done.stdout.startswith("overseerr down\n")


@pytest.mark.parametrize(
    "words",
    [
        ("set", "plex"),
        ("set", "plex", "--url", "http://plex", "--disconnect"),
        ("set", "plex", "--disconnect", "--token-file", "-"),
        ("set", "plex", "--url", "http://plex", "--token-file", "-"),
        ("set", "disk", "--url", "http://plex"),
        ("set", "plex", "--url", "http://plex", "--token", CANARY[:6]),
        ("test", "disk"),
    ],
)
def test_wrong_use_is_told(medianest: Run, words: tuple[str, ...]) -> None:
    assert medianest("service", *words).returncode == 2


def test_a_file_that_is_no_text_holds_no_secret(medianest: Run, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe\x00")
    done = medianest("service", "set", "plex", "--url", "http://plex", "--token-file", str(file))
    assert done.returncode == 2 and "holds no secret" in done.stderr


def test_a_terminal_is_asked_and_shows_nothing_of_it(
    service: Run, server: WebServer, data: Path, sample: Sample, typing: Callable[[list[str], str], str]
) -> None:
    shown = typing(["service", "set", "plex", "--url", sample.plex.base], sample.owner.token)
    assert "Token or API key" in shown and "plex up" in shown and sample.owner.token not in shown
    assert service("test", "plex").returncode == 0


@pytest.fixture
def typing(server: WebServer, data: Path) -> Callable[[list[str], str], str]:
    """Runs a command in a terminal in which somebody types a line; what the terminal shows."""

    def run(words: list[str], line: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", *words],
            env=surroundings(data, PORT=str(server.port)),
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
                if shown.endswith(b": "):
                    os.write(ours, f"{line}\n".encode())
        except OSError:  # Linux says so at the end
            pass
        os.close(ours)
        assert process.wait(20) == 0, shown
        return shown.decode()

    return run


def test_without_rights_it_is_refused(medianest: Run, server: WebServer) -> None:
    done = medianest("service", "list", PORT=str(server.port), MEDIANEST_TOKEN=f"{LOCAL_PREFIX}wrong")
    assert done.returncode == 2 and "MEDIANEST_TOKEN" in done.stderr
