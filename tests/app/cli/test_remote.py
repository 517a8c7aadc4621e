"""Commands about jobs against a running system."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.cli.channel import Channel, ChannelClosed
from app.cli.client import Resource, Server
from app.cli.follow import Follower
from tests.app.cli.conftest import ROOT
from tests.servers import wait_until
from tests.system import System


@contextmanager
def following(system: System, *words: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that goes on by itself, its output in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", *words],
            env=system.environment(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_followed_probe_prints_its_result(system: System) -> None:
    done = system.medianest("submit", "probe", "--follow")
    assert "succeeded" in done.stdout and "database: state up" in done.stdout


def test_a_followed_download_ends_with_the_file(system: System) -> None:
    url = system.site.url("/small.mp4?x=cli")
    done = system.medianest("submit", "download", f"url={url}", "--follow", "--json")
    states = [json.loads(line) for line in done.stdout.splitlines()]
    revisions = [state["revision"] for state in states]
    assert revisions == sorted(set(revisions))
    assert states[-1]["state"] == "succeeded"
    file = states[-1]["result"]["files"][0]
    assert sha256((system.media / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert file["sha256"] == sha256(system.site.file("/small.mp4").read_bytes()).hexdigest()


def test_a_followed_playlist_counts_its_entries(system: System) -> None:
    url = system.site.url("/rss.xml?items=3&x=cli-list")
    words = (f"url={url}", "subtitles=en,de", "embed=true", "items=1:2")
    done = system.medianest("submit", "download", *words, "--follow")
    assert "of 2 entries done" in done.stdout
    assert "counts: total 2, succeeded 2, failed 0, cancelled 0" in done.stdout


def test_a_followed_playlist_of_which_nothing_came_is_a_failure(system: System) -> None:
    url = system.site.url("/rss.xml?items=2&status=404&x=cli-none")
    done = system.medianest("submit", "download", f"url={url}", "--follow", check=False)
    assert done.returncode == 1
    assert "0 of 2 entries done, 2 failed" in done.stdout and "children_failed" in done.stdout


def test_a_terminal_gets_a_bar_that_moves(system: System) -> None:
    url = system.site.url("/large.mp4?rate=6000000&x=bar")
    pid, terminal = pty.fork()
    if pid == 0:
        words = ("submit", "download", f"url={url}", "--follow")
        env = system.environment() | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "app.cli.main", *words], env)
    drawn = b""
    try:
        while part := os.read(terminal, 4096):
            drawn += part
    except OSError:  # Linux says so at the end
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    frames = drawn.decode().split("\r")
    lengths = [frame.count("█") for frame in frames if "░" in frame or "█" in frame]
    assert len(set(lengths)) >= 3 and lengths == sorted(lengths)
    assert all(len(frame.rstrip("\n")) < 100 for frame in frames if "░" in frame)
    assert any(" MB/s" in frame and " left" in frame for frame in frames)


def test_a_failed_job_is_exit_code_1_with_advice(system: System) -> None:
    url = system.site.url("/nothing.mp4")
    done = system.medianest("submit", "download", f"url={url}", "--follow", check=False)
    assert done.returncode == 1
    assert "failed" in done.stdout and "(not_found" in done.stdout


def test_a_job_can_be_paused_resumed_cancelled_and_retried(system: System, tmp_path: Path) -> None:
    url = system.site.url("/large.mp4?stall_at=5000000&x=steer")
    job = system.submit("download", url=url)["id"]
    log = tmp_path / "follow"
    with following(system, "job", job, "--follow", log=log) as process:
        system.wait_for(job, "running")
        system.medianest("pause", job)
        system.wait_for(job, "paused")
        assert system.medianest("resume", job).stdout == f"job {job} queued\n"
        system.wait_for(job, "running")
        system.medianest("cancel", job)
        assert process.wait(20) == 1
    text = log.read_text()
    for state in ("running", "paused", "cancelled"):
        assert f"job {job}  {state}" in text or f"job {job} {state}" in text
    assert json.loads(system.medianest("retry", job, "--json").stdout)["id"] == job
    system.medianest("cancel", job)
    system.wait_for(job, "cancelled")
    done = system.medianest("pause", job, check=False)
    assert done.returncode == 1 and "cannot be paused" in done.stderr


def test_jobs_are_listed_and_shown(system: System) -> None:
    job = system.submit("probe", service="disk")["id"]
    system.wait_for(job, "succeeded")
    table = system.medianest("jobs", "--kind", "probe", "--state", "succeeded", "--limit", "3").stdout
    assert len(table.splitlines()) <= 4 and table.startswith("ID  ")
    lines = system.medianest("jobs", "--owner", "none", "--json").stdout.splitlines()
    assert job in {json.loads(line)["id"] for line in lines}
    told = system.medianest("job", job, "--events").stdout
    assert "succeeded" in told and "disk: state up" in told and "submitted" in told


def test_the_same_key_is_the_same_job(system: System) -> None:
    words = ("submit", "probe", "service=disk", "--key", "once", "--json")
    first, second = (json.loads(system.medianest(*words).stdout)["id"] for _ in range(2))
    assert first == second


def test_a_job_can_be_put_off(system: System) -> None:
    job = json.loads(system.medianest("submit", "probe", "--at", "+1h", "--priority", "9", "--json").stdout)
    assert job["state"] == "scheduled" and job["priority"] == 9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("submit", "dance"), "there is no kind 'dance'; there are: download, probe"),
        (("submit", "download"), "download: missing: url=…"),
        (("submit", "download", "url=ftp://x"), "params.url: "),
        (("submit", "probe", "service=moon"), "probe: service: 'moon' is none of database, redis"),
        (("submit", "probe", "--at", "soon"), "--at: 'soon' is no time"),
        (("job", "99999999"), "There is no such job."),
        (("job", "../me"), "'../me' is no job id"),
        (("jobs", "--state", "asleep"), "state: "),
    ],
)
def test_wrong_use_is_exit_code_2_and_says_what_is_wrong(
    system: System, words: tuple[str, ...], said: str
) -> None:
    done = system.medianest(*words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"medianest: {said}")


def test_a_token_that_is_not_valid_is_exit_code_2(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system._env, "MEDIANEST_TOKEN", "mnp_wrong")
    done = system.medianest("jobs", check=False)
    assert done.returncode == 2 and "medianest token create" in done.stderr


def test_no_server_is_exit_code_3(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system._env, "PORT", "1")
    done = system.medianest("jobs", check=False)
    assert done.returncode == 3 and "no answer from http://127.0.0.1:1" in done.stderr


def test_a_stranger_at_the_address_is_exit_code_3(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system._env, "MEDIANEST_URL", system.site.url("/plain.html"))
    assert system.medianest("jobs", check=False).returncode == 3


def test_the_feed_greets_and_tells_of_jobs(system: System) -> None:
    channel = Channel(system.url, system.local_token, None)
    hello = channel.receive(5.0)
    assert hello is not None and hello["type"] == "hello"
    job = system.submit("probe", service="disk")["id"]
    states = []
    while (frame := channel.receive(10.0)) is not None:
        if frame["type"] == "job" and frame["job"]["id"] == job:
            states.append(frame["job"]["state"])
            if states[-1] == "succeeded":
                break
    channel.close()
    assert states[-1] == "succeeded"


def test_the_feed_refuses_a_wrong_token(system: System) -> None:
    with pytest.raises(ChannelClosed) as caught:
        Channel(system.url, "mnp_wrong", None)
    assert caught.value.code == 401


class CountingServer(Server):
    """Counts how often it is asked."""

    asked = 0

    def get(self, path: str, **query: Any) -> Resource:
        self.asked += 1
        return super().get(path, **query)


def test_changes_arrive_over_the_feed_and_not_by_asking(system: System) -> None:
    url = system.site.url("/large.mp4?rate=3000000&x=feed")
    server = CountingServer(system.url, system.local_token)
    follower = Follower(server, system.submit("download", url=url))
    seen = [job["progress"]["percent"] for job in follower.states()]
    assert follower.job["state"] == "succeeded"
    assert len(set(seen)) > 5
    assert server.asked <= 2  # once connected, and once greeted


def test_without_the_feed_the_server_is_asked(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.channel.CONNECT_SECONDS", 0.0)  # no handshake is that quick
    server = CountingServer(system.url, system.local_token)
    follower = Follower(server, system.submit("probe", service="disk"))
    assert list(follower.states())[-1]["state"] == "succeeded"
    assert server.asked >= 1


def test_following_survives_a_restart_of_the_web_process(system: System, tmp_path: Path) -> None:
    url = system.site.url("/large.mp4?gate=restart&x=restart")
    log = tmp_path / "follow"
    with following(system, "submit", "download", f"url={url}", "--follow", log=log) as process:
        wait_until(lambda: "downloading" in log.read_text(), 30, "the download to begin")
        for each in system.programs("gunicorn"):
            each.send_signal(signal.SIGKILL)
        wait_until(
            lambda: system.call("GET", "/ready", token="").status == 200, 30, "the web process to be back"
        )
        system.site.open("restart")
        assert process.wait(40) == 0
    assert "succeeded" in log.read_text()


def test_ctrl_c_leaves_the_job_alone(system: System, tmp_path: Path) -> None:
    url = system.site.url("/large.mp4?stall_at=5000000&x=leave")
    log = tmp_path / "follow"
    with following(system, "submit", "download", f"url={url}", "--follow", log=log) as process:
        wait_until(lambda: "downloading" in log.read_text(), 30, "the download to begin")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    text = log.read_text()
    assert "the job goes on" in text and "Traceback" not in text
    job = text.split()[1]
    assert system.job(job)["state"] == "running"
    system.medianest("cancel", job)


def test_the_doctor_finds_all_well_while_the_system_runs(system: System) -> None:
    said = system.medianest("doctor").stdout
    assert "The private Redis answers." in said and "its schema is this version's" in said
    assert "FAIL" not in said
