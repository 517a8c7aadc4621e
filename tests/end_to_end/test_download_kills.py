"""Whenever the processes of a download are killed: one film in the library, whole, and nothing left behind."""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
import pytest

from pipelines.download.leftovers import held_by
from pipelines.integrations import library
from pipelines.integrations.ytdlp.inspect import inspect
from pipelines.integrations.ytdlp.programs import find_programs
from pipelines.jobs import state
from tests.end_to_end.test_download import children_downloading, sha256
from tests.end_to_end.test_live_stream import lives
from tests.house import ROOT, process
from tests.private_server import wait_until
from tests.standins.media import SECONDS
from tests.standins.video_site import VideoSite
from tests.system import System
from workers import worker
from workers.supervisor import HEALTHY_SECONDS

KILLS = 30
AT_ONCE = 6
MOST_KILLS_OF_ONE = 3  # a job has five attempts
RESTARTED_AT_ONCE = HEALTHY_SECONDS + 0.5  # seconds that a worker has to have lived for that
SOURCES = {  # and how much of each lies in staging at its end
    "/large.mp4?rate=5000000": 13_000_000,
    "/hls/master.m3u8?rate=400000": 1_000_000,
    "/dash/manifest.mpd?rate=400000": 1_000_000,
}
STAGES = ("extracting", "downloading", "processing", "checking", "publishing")
MOMENTS = ["downloading"] * 14 + ["processing"] * 5 + ["checking"] * 5 + ["publishing"] * 6


def unlimited(folder: Path, site: VideoSite, downloaders: int) -> System:
    """An installation where as much runs at once as there are workers for."""
    return System(
        folder,
        site=site,
        scale=f"downloader={downloaders}",
        MEDIANEST_DOWNLOAD_PER_HOUR="0",
        MEDIANEST_DOWNLOAD_PER_USER="0",
        MEDIANEST_DOWNLOAD_PER_HOST="0",
    )


@dataclass(frozen=True)
class Running:
    """A running attempt as the database has it, with the process that renews its lease."""

    job_id: int
    attempt: int
    failures: int
    stage: str
    address: str
    pid: int


class Killer:
    """Keeps downloads coming, and kills the workers that run them."""

    def __init__(self, system: System, site: VideoSite, chance: random.Random) -> None:
        self._system, self._site, self._chance = system, site, chance
        self._paths = cycle(SOURCES)
        self.jobs: list[str] = []
        self.killed: list[psutil.Process] = []

    def kill_at(self, stage: str) -> None:
        """Kill the worker of the first job that is that far."""
        share = self._chance.random()
        wait_until(lambda: self._keep_busy() and self._strike(stage, share), 40, f"a job at {stage}")

    def _query(self, statement: str) -> list[Any]:
        """Ask the database itself: a stage can be over before the API has answered."""
        with closing(sqlite3.connect(f"file:{self._system.data}/medianest.db?mode=ro", uri=True)) as database:
            return database.execute(statement).fetchall()

    def _keep_busy(self) -> bool:
        ((unfinished,),) = self._query(
            "SELECT count(*) FROM job WHERE kind = 'download' AND finished_at IS NULL"
        )
        for _ in range(AT_ONCE - unfinished):
            job = self._system.submit("download", url=self._site.url(next(self._paths)))
            self.jobs.append(str(job["id"]))
        return True

    def _running(self) -> list[Running]:
        rows = self._query(
            "SELECT job.id, attempt, failures, progress, params, pid FROM job JOIN worker"
            " ON worker.id = job.worker_id WHERE job.state = 'running' AND kind = 'download'"
        )
        dead = {each.pid for each in self.killed}
        return [
            Running(
                job,
                attempt,
                failures,
                json.loads(progress or "{}").get("stage", ""),
                json.loads(params)["url"],
                pid,
            )
            for job, attempt, failures, progress, params, pid in rows
            if pid not in dead
        ]

    def _strike(self, stage: str, share: float) -> bool:
        far = (job for job in self._running() if self._is_that_far(job, stage, share))
        return any(self._kill(job) for job in far if job.failures < MOST_KILLS_OF_ONE)

    def _is_that_far(self, job: Running, stage: str, share: float) -> bool:
        if job.stage == stage == "downloading":
            whole = next(size for path, size in SOURCES.items() if job.address.endswith(path))
            return held_by(self._system.media / ".staging", job.job_id) > share * whole
        return job.stage in STAGES[STAGES.index(stage) :]

    def _kill(self, victim: Running) -> bool:
        """SIGKILL to the victim's worker and all below it, unless that would cost somebody too much.

        The victim stands still while that is found out, so that the moment does not pass.
        """
        top = worker_above(victim)
        if top is None or time.time() - top.create_time() < RESTARTED_AT_ONCE:
            return False
        own = psutil.Process(victim.pid)
        own.suspend()
        family = [top, *top.children(recursive=True)]
        if not self._may_kill(victim, {each.pid for each in family}):
            own.resume()
            return False
        for group in {os.getpgid(each.pid) for each in family}:
            os.killpg(group, signal.SIGKILL)
        self.killed += family
        return True

    def _may_kill(self, victim: Running, family: set[int]) -> bool:
        """Whether the victim's attempt still runs, and no job of that worker loses its last attempt."""
        lost = [job for job in self._running() if job.pid in family]
        return any((job.job_id, job.attempt) == (victim.job_id, victim.attempt) for job in lost) and all(
            job.failures < MOST_KILLS_OF_ONE for job in lost
        )


def worker_above(job: Running) -> psutil.Process | None:
    """The process that `up` started: the job's own, or the one above it if the job runs alone."""
    try:
        own = psutil.Process(job.pid)
        return next((each for each in (own, *own.parents()) if "workers.worker" in each.cmdline()), None)
    except psutil.Error:  # it has just ended
        return None


def test_downloads_killed_at_thirty_moments_end_with_one_whole_film_each(
    tmp_path: Path, site: VideoSite
) -> None:
    chance = random.Random(4)
    with unlimited(tmp_path, site, downloaders=4) as system:
        killer = Killer(system, site, chance)
        for moment in chance.sample(MOMENTS, KILLS):
            killer.kill_at(moment)
        jobs = [system.wait_for(job, "succeeded", "failed", seconds=60) for job in killer.jobs]
        assert sum(job["failures"] for job in jobs) >= KILLS
        for job in jobs:
            film = whole_film(system, job)
            if "/large.mp4" in job["params"]["url"]:
                assert sha256(film) == site.sha256("/large.mp4")
        assert_tidy(system, jobs)
        assert not any(map(lives, killer.killed)) and not children_downloading(system)


def whole_film(system: System, job: dict[str, Any]) -> Path:
    """The job's film, which plays to its end; all its files are as its result says."""
    assert job["state"] == "succeeded", job
    for file in job["result"]["files"]:
        assert sha256(system.media / file["path"]) == file["sha256"]
    film: Path
    film, *beside = [system.media / file["path"] for file in job["result"]["files"]]
    assert inspect(film, find_programs().ffprobe).duration == pytest.approx(SECONDS, abs=0.5)
    assert film.with_suffix(".nfo") in beside
    return film


def assert_tidy(system: System, jobs: list[dict[str, Any]]) -> None:
    """No file that no result tells of, nothing in staging, each job once in the archive."""
    assert list((system.media / ".staging").iterdir()) == []
    there = [path for path in system.media.rglob("*") if path.is_file()]
    told = [system.media / file["path"] for job in jobs for file in job["result"]["files"]]
    assert sorted(there) == sorted(told)
    archived = system.call("GET", "/api/v1/downloads?limit=200").body["items"]
    assert sorted(each["job_id"] for each in archived) == sorted(job["id"] for job in jobs)


@pytest.mark.parametrize("note", ["torn", "gone", "late"])
def test_what_was_appended_but_not_noted_is_not_there_twice(
    system: System, site: VideoSite, note: str
) -> None:
    """A process that was killed between both leaves the number of the last fragment in one of these ways."""
    gate = f"{note}-{system.port}"
    job = system.submit("download", url=site.url(f"/hls/media.m3u8?gate={gate}&only=segment05"))
    site.wait_for(lambda requests: any(gate in each.query and "segment05" in each.path for each in requests))
    assert system.call("POST", f"/api/v1/jobs/{job['id']}/pause").status == 202
    system.wait_for(job["id"], "paused")
    (file,) = (system.media / ".staging").glob(f"{job['id']}-*/*.ytdl")
    if note == "torn":
        file.write_text("")
    elif note == "gone":
        file.unlink()
    else:
        film = file.with_suffix(".part")
        with film.open("ab") as end:
            end.write(site.file("/hls/segment05.ts").read_bytes())
    site.open(gate)
    assert system.call("POST", f"/api/v1/jobs/{job['id']}/resume").status == 202
    whole_film(system, system.wait_for(job["id"], "succeeded", "failed"))


@dataclass(frozen=True)
class Death:
    """A worker that ends the hard way before or after its first call of a function with such arguments."""

    owner: Any
    name: str
    after: bool = False
    concerns: Callable[..., bool] = lambda *_, **__: True

    def lie_in_wait(self) -> None:
        function = getattr(self.owner, self.name)

        def deadly(*args: Any, **kwargs: Any) -> Any:
            concerned = self.concerns(*args, **kwargs)
            if concerned and not self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            done = function(*args, **kwargs)
            if concerned and self.after:
                os.kill(os.getpid(), signal.SIGKILL)
            return done

        mock.patch.object(self.owner, self.name, deadly).start()


def _into_library(*_: Any, dst_dir_fd: int | None = None, **__: Any) -> bool:
    return dst_dir_fd is not None


def _of_staging(folder: Any, **_: Any) -> bool:
    return Path(os.fsdecode(folder)).parent.name == ".staging"


DEATHS = {
    "the move is noted": Death(library, "publish"),
    "the film has two names": Death(os, "link", True, _into_library),
    "the film is moved": Death(library, "publish", True),
    "one companion is moved": Death(os, "replace", True, _into_library),
    "all companions are moved": Death(library, "accompany", True),
    "staging is empty": Death(os, "rmdir", False, _of_staging),
    "only the end is unsaid": Death(state, "succeed"),
}


def work_until(moment: str) -> None:
    """Be a worker until that moment; for a process of its own."""
    DEATHS[moment].lie_in_wait()
    sys.argv = ["worker", "--queue=download"]
    worker.main()


@pytest.fixture(scope="module")
def survivors(
    tmp_path_factory: pytest.TempPathFactory, site: VideoSite
) -> Iterator[tuple[System, dict[str, dict[str, Any]]]]:
    """A system, and a job for each moment whose first worker died then and whose second was a normal one."""
    with unlimited(tmp_path_factory.mktemp("move"), site, downloaders=0) as system:
        (scheduler,) = system.programs("workers.scheduler")
        scheduler.suspend()  # nobody is rescued before all have died
        jobs = {moment: _leave_dead(system, site, moment) for moment in DEATHS}
        scheduler.resume()
        with process(
            ROOT, "-m", "workers.worker", "--queue=download", env=system.environment(), log=system.log
        ):
            yield (
                system,
                {moment: system.wait_for(job, "succeeded", "failed") for moment, job in jobs.items()},
            )


def _leave_dead(system: System, site: VideoSite, moment: str) -> str:
    job = system.submit("download", url=site.url("/html5.html"), subtitles=["en", "de"])
    code = f"from tests.end_to_end.test_download_kills import work_until; work_until({moment!r})"
    with process(ROOT, "-c", code, env=system.environment(), log=system.log) as deadly:
        assert deadly.wait(30) == -signal.SIGKILL, moment
    return str(job["id"])


@pytest.mark.parametrize("moment", DEATHS)
def test_a_worker_that_dies_around_the_move_leaves_one_film_with_its_companions(
    survivors: tuple[System, dict[str, dict[str, Any]]], site: VideoSite, moment: str
) -> None:
    system, jobs = survivors
    job = jobs[moment]
    assert (job["attempt"], job["failures"]) == (2, 1)
    film = whole_film(system, job)
    assert sha256(film) == site.sha256("/large.mp4")
    names = [Path(file["path"]).name.removeprefix(film.stem) for file in job["result"]["files"]]
    assert sorted(names) == ["-thumb.jpg", ".de.vtt", ".en.vtt", ".mp4", ".nfo"]


def test_workers_that_die_around_the_move_leave_nothing_behind(
    survivors: tuple[System, dict[str, dict[str, Any]]],
) -> None:
    system, jobs = survivors
    assert_tidy(system, list(jobs.values()))
