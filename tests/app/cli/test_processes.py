"""`medianest up`, `web`, `worker` and `scheduler` become the processes that they name."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.app.cli.conftest import Run, surroundings
from tests.house import kill_tree
from tests.servers import free_port, wait_until

Start = Callable[..., psutil.Popen]


@pytest.fixture
def start(data: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `medianest WORDS…`, its output in `log` in the test's folder; everything is gone afterwards."""
    started: list[psutil.Popen] = []

    def run(*words: str, **settings: str) -> psutil.Popen:
        with (tmp_path / "log").open("ab") as log:
            process = psutil.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "app.cli.main",
                    *words,
                ],  # as the console script: no "." in the path
                cwd=tmp_path,
                env=surroundings(data, **settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield run
    for process in started:
        kill_tree(process)


def said(tmp_path: Path, text: str) -> Callable[[], bool]:
    return lambda: text in (tmp_path / "log").read_text()


def family(process: psutil.Popen) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def test_up_takes_port_and_data_directory_and_runs_a_command_when_ready(start: Start, tmp_path: Path) -> None:
    port, elsewhere = free_port(), tmp_path / "elsewhere"
    # a stranger's modules in the folder where the user stands are not ours
    for name in ("app", "config", "workers"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    up = start(
        "up", f"--port={port}", f"--data={elsewhere}", "--scale=worker=2", "--probe",
        PORT="1", MEDIANEST_DATA_DIR_FILE="",
    )  # fmt: skip
    wait_until(said(tmp_path, "uptime_kuma: state"), 40, "the probe's result")
    assert said(tmp_path, f"MediaNest is ready at http://127.0.0.1:{port}/")()
    assert said(tmp_path, "Setup code: ")()
    assert elsewhere.stat().st_mode & 0o777 == 0o700
    commands = [" ".join(each.cmdline()) for each in up.children()]
    assert sum("workers.worker" in command and "--queue" not in command for command in commands) == 2
    everyone = family(up)
    up.send_signal(signal.SIGINT)
    assert up.wait(12) == 0
    assert gone(everyone)


def test_nothing_is_left_when_the_supervisor_is_killed(start: Start, tmp_path: Path) -> None:
    up = start("up", PORT=str(free_port()))
    wait_until(said(tmp_path, "MediaNest is ready"), 40, "a ready system")
    everyone = family(up)
    assert len(everyone) >= 6
    up.kill()
    wait_until(lambda: gone(everyone), 12, "every process to end")


def test_what_was_started_when_ready_ends_with_the_rest(start: Start, tmp_path: Path) -> None:
    up = start("up", "--then=sleep 600", PORT=str(free_port()))
    wait_until(said(tmp_path, "MediaNest is ready"), 40, "a ready system")
    wait_until(lambda: any("sleep" in each.name() for each in up.children()), 10, "the command")
    everyone = family(up)
    up.terminate()
    assert up.wait(12) == 0
    wait_until(lambda: gone(everyone), 5, "every process to end")


def test_a_taken_port_is_said_before_anything_starts(medianest: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = medianest("up", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot be used: Address already in use" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("up", "--scale", "dancer=2"), "there is no dancer in the Procfile"),
        (("up", "--scale", "worker=-1"), "give counts like worker=2"),
        (("up", "--port", "70000"), "70000 is not in the range"),
        (("up", "--probe", "--then", "true"), "give one of them"),
        (("worker", "--threads", "0"), "0 is not in the range"),
        (("wurker",), "No such command 'wurker'"),
    ],
)
def test_wrong_use_is_exit_code_2(medianest: Run, words: tuple[str, ...], said: str) -> None:
    done = medianest(*words, PORT=str(free_port()))
    assert done.returncode == 2 and said in done.stderr
    assert "Traceback" not in done.stderr


def test_web_and_worker_become_their_processes(start: Start, data: Path, anna: str) -> None:
    web = start("web", PORT=str(free_port()))
    worker = start("worker", "--queue=probe", "--threads=2")
    for process, module, words in (
        (web, "gunicorn", ["-c", "python:config.gunicorn", "app:create_app()"]),
        (worker, "workers.worker", ["--queue=probe", "--threads=2"]),
    ):
        become = ["-m", module, *words]
        wait_until(lambda p=process, c=become: p.cmdline()[1:] == c, 20, "the new program")  # type: ignore[misc]
        assert process.environ()["PROMETHEUS_MULTIPROC_DIR"] == str(data / "run" / "metrics")


def test_help_names_every_command(medianest: Run) -> None:
    done = medianest("--help")
    for name in (
        "up",
        "web",
        "worker",
        "scheduler",
        "db",
        "submit",
        "jobs",
        "job",
        "cancel",
        "pause",
        "resume",
    ):
        assert f"\n  {name} " in done.stdout
    for name in ("retry", "user", "token", "setup-code", "doctor"):
        assert f"\n  {name} " in done.stdout


def test_starting_a_process_loads_neither_flask_nor_pipelines() -> None:
    code = "import sys, app.cli.processes, app.cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"flask", "peewee", "requests", "pipelines", "dramatiq"} & set(loaded)
