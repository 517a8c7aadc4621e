"""How many no-op jobs a second one worker process of 8 threads runs, beside a bare Dramatiq actor that does far less.

Ours claims one job at a time, validates its parameters, notes beginning and end in the history and sends an event of
both; the worker is the delivered one with its log in a file, in a copy of the house that knows two kinds more. The
rival's actor makes two updates with peewee. All jobs are there before the process starts, and the rate is that between
2 and 98 % of them finished, by the times in their rows. Rounds alternate; medians. A round in which a job did not run
exactly once, lacks a line of history or an event counts for nothing: the measurement fails.
"""

import json
import statistics
from pathlib import Path
from typing import Any

from app.accounts import users
from bench import noop_kinds
from bench.figure import Figure, Setting
from bench.home import at_home, environment
from config.database import query, transaction
from config.redis import FEED_STREAM, quick
from pipelines.jobs.events import publisher, ring_bell
from pipelines.kind import Kind
from tests.house import ROOT, copy_with, process
from tests.servers import RedisServer, wait_until

JOBS, ROUNDS = 4000, 3
THREADS = 8
OWNERS = HOSTS = 20
PATIENCE = 60.0
TARGET, TARGET_LIMITED = 1.5, 0.8
HISTORY = ["submitted", "started", "succeeded"]

# what `submit` writes, in one statement; owners take turns, and in each turn meet another host
_SUBMIT = """INSERT INTO job (kind, queue, host, owner_id, params, state, priority, turn, max_attempts, request_id,
    created_at) VALUES """
_ROW = "(%s, %s, %s, %s, %s, 'queued', 4, %s, %s, '', NOW)"
_NOTE = """INSERT INTO job_event (job_id, at, event, state, attempt, revision)
 SELECT id, NOW, 'submitted', state, attempt, revision FROM job WHERE queue = %s AND state = 'queued'"""


class Ours:
    """The delivered worker on one kind."""

    def __init__(self, kind: Kind, owners: list[int], house: Path, folder: Path, env: dict[str, str]) -> None:
        self._kind, self._owners, self._house, self._env = kind, owners, house, env
        self._log = folder / f"{kind.name}.log"
        self.rates: list[float] = []
        self.lags: list[float] = []

    def run(self, jobs: int) -> None:
        """Submit the jobs, then start the worker."""
        quick().flushall()
        first = _submit(self._kind, self._owners, jobs)
        for _ in range(THREADS):
            ring_bell(self._kind.queue)
        publisher.flush()
        command = ("-m", "workers.worker", "--queue", self._kind.queue, "--threads", str(THREADS))
        with process(self._house, *command, env=self._env, log=self._log):
            _wait_for_end("job", f"queue = '{self._kind.queue}' AND state IN ('queued', 'running')")
            wait_until(lambda: quick().xlen(FEED_STREAM) >= 2 * jobs, 5, "an event of each beginning and end")
        rows = query(
            "SELECT id, state, attempt, finished_at FROM job WHERE id >= %s AND queue = %s",
            first,
            self._kind.queue,
        )
        _check(rows, first, jobs)
        ends = [row["finished_at"] for row in rows]
        self.rates.append(rate(ends))
        last_event = int(quick().xrevrange(FEED_STREAM, count=1)[0][0].split(b"-")[0]) / 1000
        self.lags.append(last_event - max(ends))


def _submit(kind: Kind, owners: list[int], jobs: int) -> int:
    """Write jobs down as many users would have; the first one's id."""
    values: list[Any] = []
    for number in range(jobs):
        turn, place = divmod(number, len(owners))
        host = f"host-{(turn + place) % HOSTS}"
        params = json.dumps({"host": host})
        values.append((kind.name, kind.queue, host, owners[place], params, turn + 1, kind.max_attempts))
    with transaction():
        for start in range(0, jobs, 500):
            some = values[start : start + 500]
            query(_SUBMIT + ", ".join([_ROW] * len(some)), *(value for each in some for value in each))
        query(_NOTE, kind.queue)
        return int(
            query("SELECT min(id) AS first FROM job WHERE queue = %s AND state = 'queued'", kind.queue)[0][
                "first"
            ]
        )


def _check(rows: list[dict[str, Any]], first: int, jobs: int) -> None:
    """Every job ran once and has its whole history."""
    if len(rows) != jobs or any((row["state"], row["attempt"]) != ("succeeded", 1) for row in rows):
        raise RuntimeError("a job was lost or ran more than once")
    histories: dict[int, list[str]] = {row["id"]: [] for row in rows}
    for line in query("SELECT job_id, event FROM job_event WHERE job_id >= %s ORDER BY id", first):
        if line["job_id"] in histories:
            histories[line["job_id"]].append(line["event"])
    if any(history != HISTORY for history in histories.values()):
        raise RuntimeError("a line of history is missing or was written twice")


class Rival:
    """`dramatiq` with the bare actor."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._env, self._log = env, folder / "rival.log"
        self.rates: list[float] = []

    def run(self, jobs: int) -> None:
        """Write the jobs down and send the messages, then start `dramatiq`."""
        quick().flushall()
        module = "bench.rivals.bare_dramatiq"
        with process(ROOT, "-m", module, str(jobs), env=self._env, log=self._log) as fill:
            if fill.wait(PATIENCE):
                raise RuntimeError(f"the rival could not be filled: {self._log.read_text()[-2000:]}")
        command = ("-m", "dramatiq", module, "--processes", "1", "--threads", str(THREADS))
        with process(ROOT, *command, env=self._env, log=self._log):
            _wait_for_end("bare_job", "state <> 'done'")
        self.rates.append(rate([row["finished_at"] for row in query("SELECT finished_at FROM bare_job")]))


def _wait_for_end(table: str, unfinished: str) -> None:
    wait_until(
        lambda: not query(f"SELECT 1 AS left FROM {table} WHERE {unfinished} LIMIT 1"),
        PATIENCE,
        "all jobs finished",
    )


def rate(ends: list[float]) -> float:
    """Jobs a second between 2 and 98 % of them finished."""
    ends = sorted(ends)
    first, last = len(ends) * 2 // 100, len(ends) * 98 // 100
    return (last - first) / (ends[last] - ends[first])


def measure(setting: Setting) -> list[Figure]:
    """Jobs a second without and with limits ÷ the rival's."""
    jobs, rounds = (200, 1) if setting.short else (JOBS, ROUNDS)
    house = copy_with(Path(noop_kinds.__file__), setting.folder / "house")
    with RedisServer() as redis:
        env = environment(setting, redis, setting.folder / "data")
        with at_home(env):
            owners = [users.create(f"user-{number}", None, "user") for number in range(OWNERS)]
            theirs = {**env, "PYTHONPATH": str(ROOT)}
            env["PROMETHEUS_MULTIPROC_DIR"] = str(
                setting.folder / "data" / "run" / "metrics"
            )  # as the supervisor does
            free, limited = (Ours(kind, owners, house, setting.folder, env) for kind in noop_kinds.KINDS)
            rival = Rival(setting.folder, theirs)
            for _ in range(rounds):
                for each in (free, rival, limited):
                    each.run(jobs)
    name = f"No-op jobs a second, 1 process × {THREADS} threads, ÷ a bare Dramatiq actor with two updates"
    return [
        _figure(setting, name, free, rival, TARGET),
        _figure(setting, f"{name}; at most 2 a user and 2 a host", limited, rival, TARGET_LIMITED),
    ]


def _figure(setting: Setting, name: str, ours: Ours, rival: Rival, target: float) -> Figure:
    rates = (statistics.median(ours.rates), statistics.median(rival.rates))
    return Figure(
        name,
        setting.database,
        rates[0] / rates[1],
        target,
        at_most=False,
        ours=f"{rates[0]:.0f}/s",
        rival=f"{rates[1]:.0f}/s",
        notes=[f"the last event was out {max(ours.lags) * 1000:.0f} ms after the last job"],
    )
