"""No limit is ever exceeded, and what a limit holds back is stepped over."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from config.database import change, query
from pipelines.jobs import state
from pipelines.jobs.claim import claim
from pipelines.kind import Kind, Limits, limits_of
from tests.pipelines.jobs.sample import ECHO, queued

pytestmark = pytest.mark.usefixtures("home")

HOSTED = replace(ECHO, host=lambda params: str(params.get("host", "")))


def set_queue(paused: int = 0, limit: int | None = None) -> None:
    change(
        "INSERT INTO queue (name, paused, max_running) VALUES ('echo', %s, %s) ON CONFLICT (name)"
        " DO UPDATE SET paused = excluded.paused, max_running = excluded.max_running",
        *(paused, limit),
    )


def at_host(host: str, owner: int = 1) -> int:
    return int(queued(owner=owner, kind=HOSTED, params={"host": host})["id"])


def claimed(limits: Limits) -> list[int]:
    """All that can be claimed now."""
    found = []
    while row := claim("echo", 1, limits):
        found.append(row["id"])
    return found


def test_a_user_runs_no_more_than_allowed_and_others_pass() -> None:
    mine = [queued(owner=1)["id"] for _ in range(4)]
    others = queued(owner=2)["id"]
    assert sorted(claimed(Limits(per_user=2))) == sorted([*mine[:2], others])
    state.succeed(mine[0], 1, {})
    assert claimed(Limits(per_user=2)) == [mine[2]]


def test_a_host_is_asked_for_no_more_than_allowed_at_a_time() -> None:
    busy = [at_host("a.example", owner) for owner in (1, 2, 3)]
    other = at_host("b.example", 4)
    nowhere = [at_host("", owner) for owner in (5, 6, 7)]
    assert sorted(claimed(Limits(per_host=2))) == sorted([*busy[:2], other, *nowhere])


def test_a_paused_queue_starts_nothing() -> None:
    row = queued()
    set_queue(paused=1)
    assert claimed(Limits()) == claimed(Limits(per_user=1)) == []
    set_queue(paused=0)
    assert claimed(Limits()) == [row["id"]]


def test_a_queue_runs_no_more_than_its_limit() -> None:
    rows = [queued(owner=owner)["id"] for owner in range(1, 6)]
    set_queue(limit=2)
    assert claimed(Limits()) == rows[:2]
    assert claimed(Limits(per_user=1)) == []
    set_queue(limit=None)
    assert claimed(Limits()) == rows[2:]


def test_a_parent_that_waits_for_its_children_takes_no_place() -> None:
    parent = queued()["id"]
    claim("echo", 1)
    change("UPDATE job SET worker_id = NULL, lease_until = NULL, children = 1 WHERE id = %s", parent)
    child = queued()["id"]
    assert claimed(Limits(per_user=1)) == [child]


@pytest.mark.parametrize("limits", [Limits(per_user=2), Limits(per_host=2), Limits()])
def test_many_claimers_at_once_never_exceed_a_limit(limits: Limits) -> None:
    if limits == Limits():
        set_queue(limit=2)
    for number in range(120):
        at_host(f"{number % 3}.example", owner=1 + number % 3)
    barrier, highest = threading.Barrier(16), []

    def work(worker: int) -> int:
        barrier.wait()
        done = 0
        while row := claim("echo", worker, limits):
            highest.append(busiest(limits))
            state.succeed(row["id"], row["attempt"], {})
            done += 1
        return done

    with ThreadPoolExecutor(16) as pool:
        sum(pool.map(work, range(1, 17)))
    claimed_later = 0
    while row := claim("echo", 1, limits):  # what the last to look in vain left
        state.succeed(row["id"], row["attempt"], {})
        claimed_later += 1
    assert max(highest) == 2
    assert query("SELECT count(*) AS n FROM job WHERE state = 'succeeded'")[0]["n"] == 120


def busiest(limits: Limits) -> int:
    """The greatest number that runs at once for one user, one host or the queue."""
    rows = query("SELECT owner_id, host FROM job WHERE state = 'running'")
    key = "owner_id" if limits.per_user else "host" if limits.per_host else None
    return max(Counter(row[key] if key else "" for row in rows).values(), default=0)


def test_the_tightest_of_a_queues_kinds_counts() -> None:
    def kind(name: str, limits: Limits) -> Kind:
        return replace(ECHO, name=name, queue="shared", limits=lambda: limits)

    kinds = [kind("a", Limits(per_user=3)), kind("b", Limits(per_user=2, per_host=5)), ECHO]
    assert limits_of("shared", kinds) == Limits(per_user=2, per_host=5)
    assert limits_of("echo", kinds) == Limits()
