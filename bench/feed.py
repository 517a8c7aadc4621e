"""What the live feed of one web process costs with 1,000 sockets and 20 events a second, each for all of them.

The events are frames of a job. The rival is an asyncio server with the `websockets` library that reads the same stream and
broadcasts it to everyone. Both are followed by the same cheap client, in turns; medians. CPU is that of the
serving process from the first event to the last; the memory of a socket is what the process grew by, divided by
their number; ages are from the moment before publishing to the moment the client reads the frame.
"""

import json
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.accounts import tokens, users
from app.accounts.identity import SCOPES
from bench.figure import Figure, Setting
from bench.home import at_home, environment
from config.redis import FEED_LENGTH, FEED_STREAM, quick
from pipelines.jobs.resource import NO_PROGRESS
from tests.app.web_process import ROOT, WebServer
from tests.private_server import Server, free_port
from tests.servers import RedisServer

DATABASES = ("SQLite",)
SOCKETS, EVENTS_PER_SECOND, SECONDS, ROUNDS = 1000, 20, 8.0, 3
JOBS = 10  # that report progress in turns
CPU_TARGET, KILOBYTES_TARGET, AGE_TARGET = 1.0, 25.0, 100.0


class Rival(Server):
    """The asyncio server."""

    def __init__(self, redis_url: str) -> None:
        super().__init__("rival")
        self.port = free_port()
        self._redis_url = redis_url

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bench.rivals.asyncio_websockets", str(self.port), self._redis_url]
        return subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


class Followers:
    """The client process with its sockets."""

    def __init__(self, port: int, count: int, token: str) -> None:
        command = [sys.executable, "-m", "bench.sockets", str(port), "/ws", str(count), token]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "connected\n":
            raise RuntimeError("the sockets could not be opened")

    def end(self) -> dict[str, float]:
        """Stop; what came."""
        said: dict[str, float] = json.loads(self._process.communicate(timeout=60)[0])
        return said


@dataclass(frozen=True)
class Round:
    """What one round gave."""

    cores: float
    kilobytes: float
    p95: float
    delivered: float


def frame(number: int) -> dict[str, str]:
    """An event as the job core publishes it."""
    job = {
        "id": str(number % JOBS),
        "kind": "download",
        "queue": "download",
        "state": "running",
        "owner": {"id": "1", "name": "ann"},
        "params": {"url": f"https://videos.example/watch?v={number % JOBS}"},
        "priority": 4,
        "attempt": 1,
        "failures": 0,
        "max_attempts": 5,
        "revision": number,
        "result": None,
        "progress": {
            **NO_PROGRESS,
            "percent": number % 100,
            "stage": "downloading",
            "done": number,
            "unit": "bytes",
        },
        "waiting": None,
        "error": None,
        "parent_id": None,
        "scheduled_at": None,
        "finished_at": None,
        "created_at": "2026-01-31T20:00:00.000Z",
        "started_at": "2026-01-31T20:00:01.000Z",
    }
    said = {"type": "job", "sent": round(time.monotonic(), 6), "job": job}
    text = json.dumps(said, separators=(",", ":"))
    return {"o": "1", "a": "1", "k": f"job:{number % JOBS}", "r": str(number), "f": text}


class Publisher:
    """Publishes at a steady pace; revisions go on over all rounds."""

    def __init__(self) -> None:
        self._number = 0

    def publish(self, per_second: int, seconds: float) -> int:
        """How many events were sent."""
        began, sent = time.monotonic(), 0
        while sent < per_second * seconds:
            time.sleep(max(0.0, began + sent / per_second - time.monotonic()))
            self._number += 1
            quick().xadd(FEED_STREAM, frame(self._number), maxlen=FEED_LENGTH)
            sent += 1
        return sent


def proportional_memory(pid: int) -> int:
    """PSS in bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no PSS")


class Side:
    """One of the two servers and what its rounds gave."""

    def __init__(self, pid: int, port: int, token: str) -> None:
        self.rounds: list[Round] = []
        self._process, self._port, self._token = psutil.Process(pid), port, token

    def warm_up(self, publisher: Publisher) -> None:
        """What is loaded with the first client shall not count as a client's."""
        followers = Followers(self._port, 5, self._token)
        publisher.publish(EVENTS_PER_SECOND, 0.5)
        followers.end()

    def run(self, publisher: Publisher, sockets: int, seconds: float) -> None:
        """Connect, publish, count."""
        memory = proportional_memory(self._process.pid)
        followers = Followers(self._port, sockets, self._token)
        publisher.publish(EVENTS_PER_SECOND, 0.5)  # the last of the handshakes are paid for meanwhile
        used, began = self._cpu(), time.monotonic()
        sent = publisher.publish(EVENTS_PER_SECOND, seconds)
        cores = (self._cpu() - used) / (time.monotonic() - began)
        time.sleep(0.5)  # for what is under way
        grown = proportional_memory(self._process.pid) - memory
        seen = followers.end()
        everything = sockets * (sent + EVENTS_PER_SECOND * 0.5)
        self.rounds.append(Round(cores, grown / sockets / 1024, seen["p95"], seen["frames"] / everything))

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def median(self, figure: str) -> float:
        """Of all rounds."""
        return float(statistics.median(getattr(each, figure) for each in self.rounds))


def sides(setting: Setting, stack: ExitStack) -> tuple[Side, Side]:
    """Our web process with the token of an admin, and the rival."""
    redis = stack.enter_context(RedisServer())
    env = environment(setting, redis, setting.folder / "ours")
    env["PROMETHEUS_MULTIPROC_DIR"] = str(setting.folder / "ours" / "run" / "metrics")
    stack.enter_context(at_home(env))
    token = tokens.create(users.create("ann", None, "admin"), "bench", SCOPES)[1]
    web = stack.enter_context(WebServer(env, workers=1))
    rival = stack.enter_context(Rival(redis.url))
    (worker,) = psutil.Process(web.pid).children()
    return Side(worker.pid, web.port, token), Side(rival.pid, rival.port, token)


def measure(setting: Setting) -> list[Figure]:
    """CPU ÷ the rival's, memory a socket, age of the frames."""
    sockets, seconds, rounds = (50, 1.0, 1) if setting.short else (SOCKETS, SECONDS, ROUNDS)
    publisher = Publisher()
    with ExitStack() as stack:
        both = sides(setting, stack)
        for side in both:
            side.warm_up(publisher)
        for _ in range(rounds):
            for side in both:
                side.run(publisher, sockets, seconds)
    return figures(*both)


def figures(ours: Side, rival: Side) -> list[Figure]:
    """The lines of the table."""
    if min(each.delivered for each in ours.rounds) < 0.5:
        raise AssertionError("less than half of the frames arrived")
    kilobytes = [
        side.rounds[0].kilobytes for side in (ours, rival)
    ]  # later rounds use what the first one left
    delivered = f"delivered: ours {ours.median('delivered'):.3f}, rival {rival.median('delivered'):.3f}"
    what = f"feed, {SOCKETS} sockets x {EVENTS_PER_SECOND} events/s: "
    return [
        Figure(
            *(
                what + "CPU ÷ asyncio `websockets`",
                "",
                ours.median("cores") / rival.median("cores"),
                CPU_TARGET,
                True,
            ),
            ours=f"{ours.median('cores'):.2f} cores",
            rival=f"{rival.median('cores'):.2f} cores",
            notes=[delivered],
        ),
        Figure(
            *(what + "memory a socket", "", kilobytes[0], KILOBYTES_TARGET, True, "KB"),
            ours=f"{kilobytes[0]:.1f} KB",
            rival=f"{kilobytes[1]:.1f} KB",
        ),
        Figure(
            *(what + "age of a frame, p95", "", ours.median("p95"), AGE_TARGET, True, "ms"),
            ours=f"{ours.median('p95'):.0f} ms",
            rival=f"{rival.median('p95'):.0f} ms",
        ),
    ]
