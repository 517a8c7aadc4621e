"""Limits hold over all workers at every moment that is looked at, whoever is killed meanwhile."""

import random
from collections import Counter

import psutil

from config.database import Row, query
from tests.workers.conftest import Pool

JOBS, USERS, HOSTS = 1000, 3, 3
PER_USER, PER_HOST = 3, 4  # of the kind `limited` in sample_kinds
KILLS = 4


def running() -> list[Row]:
    return query("SELECT owner_id, host FROM job WHERE state = 'running' AND worker_id IS NOT NULL")


def test_no_moment_is_above_a_limit_through_three_workers_and_kills(pool: Pool) -> None:
    dice = random.Random(7)
    pool.scheduler()
    workers = [pool.worker() for _ in range(3)]
    jobs = [
        pool.submit(
            "limited",
            seconds=dice.choice((0.0, 0.02)),
            owner=1 + number % USERS,
            host=f"{number // 7 % HOSTS}.example",
        )
        for number in range(JOBS)
    ]
    users, hosts, looks, kills = Counter[int](), Counter[str](), 0, 0
    while (ended := _ended()) < JOBS:
        rows = running()
        users |= Counter(row["owner_id"] for row in rows)
        hosts |= Counter(row["host"] for row in rows)
        looks += 1
        if kills < KILLS and ended > (kills + 1) * JOBS // (KILLS + 2):
            kills += 1
            _replace(pool, workers, dice.randrange(len(workers)))
    assert kills == KILLS and looks > 100
    assert max(users.values()) == PER_USER and max(hosts.values()) <= PER_HOST
    assert {row["state"] for row in pool.wait_for_end(*jobs)} == {"succeeded"}
    assert Counter(pool.effects()).keys() == set(jobs)


def _ended() -> int:
    return int(query("SELECT count(*) AS n FROM job WHERE finished_at IS NOT NULL")[0]["n"])


def _replace(pool: Pool, workers: list[psutil.Popen], number: int) -> None:
    workers[number].kill()
    workers[number] = pool.worker()
