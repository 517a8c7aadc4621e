"""A trial of two machines for real: network namespaces with one PostgreSQL and one Redis; then one cable is pulled.

Needs root, iproute2 and veth devices (Linux): `sudo .venv/bin/python -m bench.machines`. Prints how long it took until
what the lost machine ran was running again. Not part of the table.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from config import database, schema
from config.database import query
from tests.house import copy_with, kill_tree
from tests.private_server import wait_until
from tests.servers import PostgresServer, RedisServer

KINDS = Path(__file__).parent.parent / "tests" / "workers" / "sample_kinds.py"
JOBS = 2000


def ip(*arguments: str) -> None:
    """Run iproute2's `ip`."""
    subprocess.run(["ip", *arguments], check=True)


class Machine:
    """A network namespace with one cable to us; number 1 or 2."""

    def __init__(self, number: int, folder: Path) -> None:
        self.name, self._folder = f"medianest-{number}", folder / str(number)
        self._cable, self._here = f"mn-cable{number}", f"10.77.{number}.1"
        self._folder.mkdir()
        self.remove()  # what a trial left that was killed
        ip("netns", "add", self.name)
        ip("link", "add", self._cable, "type", "veth", "peer", "name", "mn-far", "netns", self.name)
        ip("address", "add", f"{self._here}/24", "dev", self._cable)
        ip("link", "set", self._cable, "up")
        ip("-n", self.name, "address", "add", f"10.77.{number}.2/24", "dev", "mn-far")
        ip("-n", self.name, "link", "set", "mn-far", "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def run(self, house: Path, postgres: str, redis: str, *command: str) -> psutil.Popen:
        """A process of the house on this machine."""
        env = {
            "PYTHONPATH": str(house),
            "MEDIANEST_DATA_DIR": str(self._folder / "data"),
            "DATABASE_URL": postgres.replace("127.0.0.1", self._here),
            "REDIS_URL": redis.replace("127.0.0.1", self._here),
        }
        log = (self._folder / "log").open("ab")
        return psutil.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, "-m", *command],
            cwd=house,
            env=env,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def pull(self) -> None:
        """Pull the cable; nobody is told."""
        ip("-n", self.name, "link", "set", "mn-far", "down")

    def remove(self) -> None:
        """Take the machine away."""
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self._cable], check=False, capture_output=True)


@contextmanager
def machine(number: int, folder: Path) -> Iterator[Machine]:
    """A machine that is gone afterwards."""
    made = Machine(number, folder)
    try:
        yield made
    finally:
        made.remove()


def count(condition: str) -> int:
    """Jobs of which this is true."""
    return int(query(f"SELECT count(*) AS n FROM job WHERE {condition}")[0]["n"])


def submit(log: Path) -> None:
    """Two thousand short jobs, and two long ones that go first."""
    for number in range(JOBS + 2):
        seconds, priority = (600, 9) if number >= JOBS else (0.02, 4)
        params = json.dumps({"log": str(log), "seconds": seconds})
        database.change(
            "INSERT INTO job (kind, queue, owner_id, params, state, priority, turn, max_attempts, created_at)"
            " VALUES ('effect', 'sample', %s, %s, 'queued', %s, %s, 4, NOW)",
            *(1 + number % 5, params, priority, number),
        )


def pull_one(lost: Machine, held: list[dict[str, Any]]) -> float:
    """Seconds from the pulled cable until all that the lost machine's worker ran is running again or has ended."""
    marks = ", ".join(str(row["id"]) for row in held)
    lost.pull()
    began = time.monotonic()
    wait_until(
        lambda: not count(f"id IN ({marks}) AND attempt = 1 AND finished_at IS NULL"), 120, "the rescue"
    )
    return time.monotonic() - began


def trial(folder: Path, stack: ExitStack) -> None:
    """Run the jobs on both machines, lose one, and print what happened."""
    postgres = stack.enter_context(PostgresServer(everywhere=True))
    redis = stack.enter_context(RedisServer(tcp=True, everywhere=True))
    url = postgres.create_database()
    database.bind(url)
    schema.upgrade()
    house = copy_with(KINDS, folder / "house")
    first, second = (stack.enter_context(machine(number, folder)) for number in (1, 2))
    submit(folder / "effects")
    for each in (second, first):  # the leading scheduler is on the machine that is lost
        for command in (["workers.scheduler"], ["workers.worker", "--queue", "sample", "--threads", "4"]):
            stack.callback(kill_tree, each.run(house, url, redis.url, *command))
        wait_until(lambda: count("state = 'running'") > 0, 30, "a running job")
    wait_until(lambda: count("finished_at IS NOT NULL") > JOBS // 3, 120, "a third of the jobs")
    lost_worker = query("SELECT min(id) AS id FROM worker")[0]["id"]
    held = query("SELECT id FROM job WHERE state = 'running' AND worker_id = %s", lost_worker)
    print(f"{len(held)} jobs run on the machine whose cable is pulled, the leading scheduler too")
    print(f"all of them run again or have ended after {pull_one(second, held):.1f} s")
    wait_until(lambda: count("finished_at IS NOT NULL") >= JOBS, 200, "the end of the jobs")
    ends = query(
        "SELECT count(*) AS ends, count(DISTINCT job_id) AS jobs FROM job_event WHERE event = 'succeeded'"
    )
    print(f"{ends[0]['jobs']} jobs succeeded, with {ends[0]['ends']} ends")


def main() -> None:
    """Try it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        trial(Path(folder), stack)


if __name__ == "__main__":
    main()
