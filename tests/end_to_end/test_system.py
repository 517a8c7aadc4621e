"""The processes of an installation: ready soon, restarted when they die, gone when they should be."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house import copy_with
from tests.private_server import wait_until
from tests.system import System

FIFTH_KIND = '''
"""A kind that a test adds."""

from pydantic import BaseModel, ConfigDict

from pipelines.kind import Kind


class Params(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    times: int = 1


def run(context, params):
    context.progress(percent=50, stage="shouting")
    return {"said": params.text.upper() * params.times}


KINDS = (Kind(name="shout", title="Say it loudly", params=Params, run=run),)
'''


def test_a_process_that_dies_is_started_again_and_the_others_stay(fresh_system: System) -> None:
    (scheduler,) = fresh_system.programs("workers.scheduler")
    others = {each.pid for each in fresh_system.programs("workers.worker")}
    scheduler.kill()
    wait_until(
        lambda: (
            [each.pid for each in fresh_system.programs("workers.scheduler")] not in ([], [scheduler.pid])
        ),
        20,
        "another scheduler",
    )
    assert {each.pid for each in fresh_system.programs("workers.worker")} == others


def test_a_private_redis_that_dies_is_started_again(fresh_system: System) -> None:
    (redis,) = fresh_system.programs("redis-server")
    redis.kill()
    wait_until(lambda: len(fresh_system.programs("redis-server")) == 1, 20, "another Redis")
    job = fresh_system.submit("probe")
    fresh_system.wait_for(job["id"], "succeeded")


def test_a_killed_supervisor_takes_everything_with_it(fresh_system: System) -> None:
    assert fresh_system.process is not None
    fresh_system.process.kill()
    fresh_system.process.wait()
    wait_until(lambda: fresh_system.strays() == [], 12, "the end of every process")
    fresh_system.start()
    assert fresh_system.call("GET", "/health", token="").status == 200


def test_a_second_up_on_the_same_data_is_refused(fresh_system: System) -> None:
    done = fresh_system.medianest("up", "--port", "1", check=False)
    assert done.returncode != 0 and "another" in done.stderr + done.stdout


def test_a_taken_port_is_said_at_once(fresh_system: System, tmp_path: Path) -> None:
    other = System(tmp_path / "other")
    other.port = fresh_system.port
    done = other.medianest("up", check=False)
    assert done.returncode == 2 and str(other.port) in done.stderr


def test_scaling_starts_more_of_a_type(tmp_path: Path) -> None:
    with System(tmp_path, scale="worker=2,downloader=3") as system:
        workers = [" ".join(each.cmdline()) for each in system.programs("workers.worker")]
        assert sum("download" in each for each in workers) == 3 and len(workers) == 5


def test_wrong_settings_are_all_listed(tmp_path: Path) -> None:
    wrong = System(tmp_path, MEDIANEST_LOG="loud", PLEX_URL="ftp://x", MEDIANEST_SECRET_KEY="changeme")
    for command in ("up", "web", "worker", "scheduler"):
        done = wrong.medianest(command, check=False)
        assert done.returncode == 2
        for name in ("MEDIANEST_LOG", "PLEX_URL", "MEDIANEST_SECRET_KEY"):
            assert name in done.stderr
        assert "changeme" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_idle_system_stops_quickly_and_leaves_nothing(fresh_system: System, number: int) -> None:
    began = time.monotonic()
    assert fresh_system.stop(number) == 0
    assert time.monotonic() - began < 10
    assert fresh_system.strays() == []


def test_a_fifth_kind_is_one_file_and_one_line(tmp_path: Path) -> None:
    file = tmp_path / "shout.py"
    file.write_text(FIFTH_KIND)
    house = copy_with(file, tmp_path / "house")
    with System(tmp_path, root=house) as system:
        kinds = {kind["name"]: kind for kind in system.call("GET", "/api/v1/kinds").body["items"]}
        assert kinds["shout"]["params"]["properties"]["times"]["type"] == "integer"
        with system.feed() as feed:
            assert '"hello"' in str(feed.recv(5))
            done = system.medianest("submit", "shout", "text=ha", "times=2", "--follow", "--json")
            assert '"HAHA"' in done.stdout
            seen = ""
            while '"succeeded"' not in seen or '"shout"' not in seen:
                seen = str(feed.recv(10))
        refused = system.call("POST", "/api/v1/jobs", {"kind": "shout", "params": {"text": "a", "loud": 1}})
        assert refused.status == 422 and "loud" in str(refused.body["errors"])


def test_the_stock_dramatiq_command_works_with_the_broker(fresh_system: System, tmp_path: Path) -> None:
    (tmp_path / "stock.py").write_text(
        "from workers.boot import connect; connect(8)\n"
        "from pipelines.jobs.lease import Worker\n"
        "from pipelines.registry import KINDS\n"
        "from workers import actors\n"
        "from functools import cache\n"
        "worker = cache(lambda: Worker(['probe'], 2))\n"
        "actors.declare(KINDS, ['probe'], worker)\n"
        "from config.broker import broker\n"
    )
    for each in fresh_system.programs("workers.worker"):
        each.suspend()
    stock = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "stock:broker", "-p", "1", "-t", "2", "--path", str(tmp_path)],
        env=fresh_system.environment(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        job = fresh_system.submit("probe")
        fresh_system.wait_for(job["id"], "succeeded")
    finally:
        stock.terminate()
        stock.wait(20)
        for each in fresh_system.programs("workers.worker"):
            each.resume()
