"""How many jobs a second one web process of 8 threads takes, beside a minimal Flask endpoint that does far less.

Ours checks token, idempotency key, parameters and hourly quota in each request, without any cache, and writes
the job and its history. The rival looks up a token, inserts a row and sends a message to the stock Dramatiq
broker. Sixteen keep-alive connections ask both in turns; medians of the rounds. Every answer is a 2xx: the
quota is set to 50 an hour, and no user comes above it.
"""

import json
import statistics
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import psutil

from bench.client import drive
from bench.figure import Figure, Setting
from bench.home import at_home, environment, people, second_database
from tests.app.web_process import Gunicorn, WebServer
from tests.servers import RedisServer

TARGET = 1.0
CONNECTIONS, THREADS = 16, 8
QUOTA = 50
USERS = 3000  # enough for 10,000 requests a second
ROUNDS, SECONDS = 5, 3.0
RIVAL_TOKENS = 64

Streams = list[Iterator[bytes]]


class MinimalFlask(Gunicorn):
    """The rival under the same gunicorn."""

    application = "bench.rivals.minimal_flask:create_app()"
    sign = ("/", 404)

    def __init__(self, environment: dict[str, str]) -> None:
        options = {
            "worker-class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "keep-alive": 5,
            "worker-tmp-dir": "/dev/shm",
        }
        written = (f"--{name}={value}" for name, value in options.items())
        super().__init__("rival", environment, *written, "--no-control-socket")


class Side:
    """One of the two servers, its requests, and what its rounds gave."""

    def __init__(self, server: Gunicorn, streams: Streams) -> None:
        self.rates: list[float] = []
        self.cpu: list[float] = []  # seconds of CPU a request
        self.waits: list[float] = []
        self._server, self._streams = server, streams
        (self._worker,) = psutil.Process(server.pid).children()

    def run(self, seconds: float) -> None:
        """One round; AssertionError if anything was refused."""
        before = self._worker.cpu_times()
        load = drive(self._server.port, self._streams, seconds)
        after = self._worker.cpu_times()
        load.require_success()
        self.rates.append(load.rate)
        self.waits += load.waits
        self.cpu.append((after.user + after.system - before.user - before.system) / load.answers)

    def forget(self) -> None:
        """What was measured so far was to warm up."""
        self.rates, self.cpu, self.waits = [], [], []

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def cost(self) -> str:
        """CPU of the process for each request, and how long requests took."""
        p95 = statistics.quantiles(self.waits, n=20)[-1]
        return f"{statistics.median(self.cpu) * 1e6:.0f} µs CPU a request, p95 {p95 * 1000:.0f} ms"


def measure(setting: Setting) -> list[Figure]:
    """POST /jobs, ours ÷ the rival's."""
    rounds, seconds = (1, 0.5) if setting.short else (ROUNDS, SECONDS)
    with ExitStack() as stack:
        ours, rival = _sides(setting, stack)
        for side in (ours, rival):
            side.run(seconds / 5)
            side.forget()
        for _ in range(rounds):
            ours.run(seconds)
            rival.run(seconds)
    return [
        Figure(
            "POST /jobs a second ÷ a minimal Flask endpoint",
            setting.database,
            ours.rate / rival.rate,
            TARGET,
            at_most=False,
            ours=f"{ours.rate:.0f}/s",
            rival=f"{rival.rate:.0f}/s",
            notes=[f"ours {ours.cost()}; rival {rival.cost()}"],
        )
    ]


def _sides(setting: Setting, stack: ExitStack) -> tuple[Side, Side]:
    redis = stack.enter_context(RedisServer())
    home = setting.folder / "ours"
    env = environment(setting, redis, home, MEDIANEST_DOWNLOAD_PER_HOUR=str(QUOTA))
    env["PROMETHEUS_MULTIPROC_DIR"] = str(home / "run" / "metrics")  # as `medianest web` sets it
    with at_home(env):
        tokens = people(USERS // 10 if setting.short else USERS)
    rival_home = setting.folder / "rival"
    rival_home.mkdir()
    other = stack.enter_context(second_database(setting))
    rival_env = environment(setting, redis, rival_home, **other)
    web = stack.enter_context(WebServer(env, workers=1))
    rival = stack.enter_context(MinimalFlask(rival_env))
    return Side(web, _our_requests(tokens)), Side(rival, _rival_requests())


def _our_requests(tokens: list[str]) -> Streams:
    """For each connection users of its own, one after the other as often as the quota lets them."""

    def stream(mine: list[str]) -> Iterator[bytes]:
        for token in mine:
            for _ in range(QUOTA):
                yield _request("/api/v1/jobs", token, {"kind": "download", "params": {"url": _address()}})

    return [stream(tokens[number::CONNECTIONS]) for number in range(CONNECTIONS)]


def _rival_requests() -> Streams:
    def stream(number: int) -> Iterator[bytes]:
        while True:
            yield _request("/jobs", f"token-{number % RIVAL_TOKENS}", {"url": _address()})

    return [stream(number) for number in range(CONNECTIONS)]


def _address() -> str:
    return f"https://videos.example/watch?v={uuid.uuid4().hex[:11]}"


def _request(path: str, token: str, body: dict[str, object]) -> bytes:
    text = json.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {uuid.uuid4()}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return (head + text).encode()
