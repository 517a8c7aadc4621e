"""Whatever dies, freezes or goes away: every job ends once and has its effect once."""

import signal
import time
from collections import Counter

import psutil
import pytest

from config import redis
from config.database import AWAY, change, query
from pipelines.jobs import state
from pipelines.jobs.lease import FROZEN, LEASE
from pipelines.models import job
from tests.private_server import wait_until
from tests.servers import RedisServer
from tests.workers.conftest import Pool
from workers.scheduler import STOOD_STILL
from workers.supervisor import STOP_SECONDS


def test_a_submitted_job_runs(pool: Pool) -> None:
    pool.worker()
    assert pool.wait_for_end(pool.submit("effect"))[0]["state"] == "succeeded"


def test_a_killed_workers_job_runs_again_within_eight_seconds(pool: Pool) -> None:
    pool.scheduler()
    workers = {worker.pid: worker for worker in (pool.worker(), pool.worker())}
    jobs = [pool.submit("effect", seconds=1000) for _ in range(3)]
    for each in jobs:
        pool.wait_for_begin(each, 1)
    pid = holder(jobs[0])
    victims = {each for each in jobs if holder(each) == pid}
    workers[pid].kill()
    for each in victims:
        pool.wait_for_begin(each, 2, seconds=8)
    assert {each for each, attempt in pool.begun() if attempt == 2} == victims


def holder(job_id: int) -> int:
    """The process that runs a job."""
    found = query("SELECT pid FROM worker JOIN job ON worker.id = job.worker_id WHERE job.id = %s", job_id)
    return int(found[0]["pid"])


def freeze(*processes: psutil.Process) -> None:
    """Stop them all at a moment when none holds a lock of the database, which would hold up everybody else."""
    while True:
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            change("UPDATE job SET revision = revision")
            return
        except AWAY:
            for process in processes:
                process.send_signal(signal.SIGCONT)


def test_a_frozen_workers_job_has_one_effect(pool: Pool) -> None:
    pool.scheduler()
    frozen = pool.worker("--threads", "1")
    each = pool.submit("effect", seconds=8)
    pool.wait_for_begin(each, 1)
    freeze(frozen)
    pool.worker("--threads", "1")
    pool.wait_for_begin(each, 2, seconds=LEASE + FROZEN + 15)
    before = job.find(each)
    frozen.send_signal(signal.SIGCONT)
    row = pool.wait_for_end(each)[0]
    assert (row["state"], row["attempt"]) == ("succeeded", 2)
    assert before is not None and row["revision"] == before["revision"] + 1
    assert pool.effects() == [each]
    assert frozen.is_running()


def test_a_job_that_holds_the_interpreter_runs_once(pool: Pool) -> None:
    pool.scheduler()
    for _ in range(2):
        pool.worker()
    each = pool.submit("hog", seconds=20)
    assert pool.wait_for_end(each, seconds=40)[0]["state"] == "succeeded"
    assert pool.begun() == [(each, 1)] and pool.effects() == [each]


def test_a_job_that_kills_its_worker_fails_and_its_neighbours_finish(pool: Pool) -> None:
    pool.scheduler()
    workers = [pool.worker("--threads", "4") for _ in range(2)]
    neighbours = [pool.submit("effect", seconds=3) for _ in range(6)]
    killer = pool.submit("kill_worker")

    def keep_two_workers() -> bool:
        for number, each in enumerate(workers):
            if not each.is_running() or each.status() == "zombie":
                workers[number] = pool.worker("--threads", "4")
        return str(job.find(killer)["state"]) == "failed"  # type: ignore[index]

    wait_until(keep_two_workers, 90, "the killer's end")
    row = job.find(killer)
    assert row is not None
    assert (row["failures"], row["attempt"]) == (4, 4) and '"worker_lost"' in row["error"]
    assert {each["state"] for each in pool.wait_for_end(*neighbours, seconds=60)} == {"succeeded"}
    assert sorted(pool.effects()) == sorted(neighbours)
    alone = [line["event"] for line in job.history(killer, limit=99)].count("alone")
    assert alone == 2, "after two crashes it runs in a process of its own"


def test_sigterm_drains_in_time_and_the_next_worker_goes_on(pool: Pool) -> None:
    worker = pool.worker()
    each = pool.submit("effect", seconds=1000)
    pool.wait_for_begin(each, 1)
    began = time.monotonic()
    worker.terminate()
    assert worker.wait(10) == 0
    assert time.monotonic() - began < 10
    row = job.find(each)
    assert row is not None and (row["state"], row["failures"]) == ("queued", 0)
    pool.worker()
    pool.wait_for_begin(each, 2)


@pytest.mark.parametrize("crashes", [0, 2])
def test_sigterm_costs_no_failure_and_leaves_no_process_although_a_job_does_not_listen(
    pool: Pool, crashes: int
) -> None:
    each = pool.submit("deaf", seconds=1000)
    change("UPDATE job SET crashes = %s", crashes)  # after two it runs in a process of its own
    worker = pool.worker()
    pool.wait_for_begin(each, 1)
    family = [worker, *worker.children(recursive=True)]
    worker.terminate()
    assert worker.wait(STOP_SECONDS) == 0
    row = job.find(each)
    assert row is not None and (row["state"], row["failures"], row["crashes"]) == ("queued", 0, crashes)
    assert psutil.wait_procs(family, 3)[1] == []


def test_a_machine_that_slept_loses_no_attempt(pool: Pool) -> None:
    scheduler, worker = pool.scheduler(), pool.worker()
    each = pool.submit("effect", seconds=8)
    pool.wait_for_begin(each, 1)
    wait_until(lambda: bool(query("SELECT 1 AS one FROM leader")), 10, "a leader")
    freeze(scheduler, worker)
    time.sleep(STOOD_STILL + 1)
    change("UPDATE job SET lease_until = lease_until - %s", LEASE + FROZEN + 1)
    scheduler.send_signal(signal.SIGCONT)
    time.sleep(1)  # the worker wakes up a moment later
    worker.send_signal(signal.SIGCONT)
    row = pool.wait_for_end(each)[0]
    assert (row["state"], row["attempt"], row["crashes"]) == ("succeeded", 1, 0)


@pytest.mark.parametrize("fault", ["flushall", "restart"])
def test_losing_redis_loses_nothing(pool: Pool, redis_server: RedisServer, fault: str) -> None:
    pool.scheduler()
    for _ in range(2):
        pool.worker("--threads", "10")
    jobs = [pool.submit("effect", seconds=2) for _ in range(20)]
    wait_until(lambda: len(pool.begun()) == 20, 20, "twenty running jobs")
    jobs += [pool.submit("effect", seconds=0.01) for _ in range(200)]
    if fault == "flushall":
        redis.quick().flushall()
    else:
        redis_server.restart_empty()
    rows = pool.wait_for_end(*jobs, seconds=60)
    assert Counter(row["state"] for row in rows) == {"succeeded": 220}
    assert Counter(pool.effects()) == dict.fromkeys(jobs, 1)


def test_jobs_run_while_redis_is_away(pool: Pool, redis_server: RedisServer) -> None:
    pool.worker()
    pool.wait_for_end(pool.submit("effect"))
    redis_server.kill()
    try:
        began = time.monotonic()
        jobs = [pool.submit("effect") for _ in range(20)]
        assert time.monotonic() - began < 10
        pool.wait_for_end(*jobs, seconds=20)
    finally:
        redis_server.start()


def test_strange_doorbells_do_not_stop_the_worker(pool: Pool) -> None:
    pool.worker()
    pool.wait_for_end(pool.submit("effect"))
    for junk in (
        b"",
        b"\xff\x00",
        b"{}",
        b"[1]",
        b'{"queue_name":"sample","actor_name":"os.system","args":["x"]}',
    ):
        redis.quick().lpush("medianest:bell:sample", junk)
    assert pool.wait_for_end(pool.submit("effect"))[0]["state"] == "succeeded"


def test_cancel_and_pause_reach_a_running_job_within_two_seconds(pool: Pool) -> None:
    pool.worker()
    for wish, end in ((state.cancel, "cancelled"), (state.pause, "paused")):
        each = pool.submit("effect", seconds=1000)
        pool.wait_for_begin(each, 1)
        wish(each)
        wait_until(lambda e=each, s=end: job.find(e)["state"] == s, 2, end)  # type: ignore[misc,index]


def test_two_schedulers_and_a_killed_leader_fire_each_slot_once(pool: Pool) -> None:
    first = pool.scheduler()
    wait_until(lambda: bool(query("SELECT 1 AS one FROM leader")), 10, "a leader")
    pool.scheduler()
    wait_until(lambda: bool(query("SELECT 1 AS one FROM job WHERE kind = 'probe'")), 40, "the first slot")
    first.kill()
    old = query("SELECT holder FROM leader")[0]["holder"]
    wait_until(lambda: query("SELECT holder FROM leader")[0]["holder"] != old, 10, "another leader")
    slots = [row["slot"] for row in query("SELECT slot FROM job WHERE kind = 'probe'")]
    assert len(slots) == len(set(slots))
