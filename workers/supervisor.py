"""`python -m workers.supervisor`, which is `medianest up`: everything on one machine.

Reads the Procfile, runs its `release` step, starts the wanted number of each process type and the
private Redis, restarts what dies and stops all in order. Each process has a session of its own and
ends when the supervisor's pipe to it closes. Only the direct child is signalled: signals to a whole
group end running jobs instead of draining them.
"""

import argparse
import fcntl
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

from workers.private_redis import NoRedis, PrivateRedis

PROCFILE = Path(__file__).parent.parent / "Procfile"
STOP_SECONDS = 9.0
FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 30.0
HEALTHY_SECONDS = 5.0  # after this long a death is not held against a process
POLL_SECONDS = 0.1


def say(text: str) -> None:
    """A line for whoever started us."""
    print(text, flush=True)


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Process type → command."""
    lines = [
        line.split(":", 1)
        for line in path.read_text().splitlines()
        if ":" in line and not line.startswith("#")
    ]
    return {name.strip(): _command(text) for name, text in lines}


def _command(text: str) -> list[str]:
    words = shlex.split(text)
    return [sys.executable, "-m", "app.cli.main", *words[1:]] if words[0] == "medianest" else words


@dataclass
class Program:
    """One process of ours and when it may start again."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = FIRST_BACKOFF
    due: float = field(default=0.0)

    def start(self, env: dict[str, str]) -> None:
        """Start it, tethered to us by its standard input."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, start_new_session=True, env=env)

    def tend(self, env: dict[str, str]) -> None:
        """Restart it if it died, not too fast."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start(env)
            return
        code = self.process.poll()
        if code is None:
            return
        if now - self.started > HEALTHY_SECONDS:
            self.backoff = FIRST_BACKOFF
        say(f"{self.name} ended (code {code}); starts again in {self.backoff:g} s")
        self.due, self.backoff = now + self.backoff, min(self.backoff * 2, LONGEST_BACKOFF)
        self.process = None

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Signal the process itself, not its group."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


class Supervisor:
    """The processes of one data directory."""

    def __init__(self, prepared: "Prepared", scale: dict[str, int], then: str) -> None:
        commands = read_procfile(PROCFILE)
        self._release = commands.pop("release", None)
        unknown = sorted(set(scale) - set(commands))
        if unknown:
            _refuse(f"--scale: there is no {', '.join(unknown)} in the Procfile")
        self._programs = [
            Program(name if count == 1 else f"{name}.{number}", command)
            for name, command in commands.items()
            for count in (scale.get(name, 1),)
            for number in range(1, count + 1)
        ]
        self._then = then
        self._sequel: subprocess.Popen[bytes] | None = None  # what `then` started
        self._stopping = 0
        self._redis: PrivateRedis | None = None
        self._prepared, self._env = prepared, prepared.environment
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self._stopping += 1

    def run(self) -> int:
        """Run until stopped; the exit code."""
        shutil.rmtree(self._env["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
        if not self._start_redis() or not self._run_release():
            return 0 if self._stopping else 1
        try:
            self._supervise()
        finally:
            self._stop()
        return 0

    def _start_redis(self) -> bool:
        if not self._prepared.private_redis:
            return True
        self._redis = PrivateRedis(Path(self._prepared.data_dir))
        self._env["REDIS_URL"] = self._redis.url
        try:
            self._redis.start()
        except NoRedis as error:
            say(f"medianest: {error}")
            return False
        return True

    def _run_release(self) -> bool:
        """Migrations; the processes wait for nothing else. They may wait for the database, so a signal ends them."""
        if self._release is None:
            return True
        process = subprocess.Popen(self._release, env=self._env)
        while process.poll() is None:
            if self._stopping:
                process.terminate()
            time.sleep(POLL_SECONDS / 2)
        if process.returncode == 0:
            return True
        if not self._stopping:
            say("medianest: the database could not be prepared; nothing was started")
        self._stop()
        return False

    def _supervise(self) -> None:
        ready = False
        while not self._stopping:
            for program in self._programs:
                program.tend(self._env)
            if self._redis is not None and not self._redis.running():
                self._restart_redis(self._redis)
            if not ready and _answers(self._prepared.host, self._prepared.port):
                ready = True
                self._welcome()
            time.sleep(POLL_SECONDS)

    def _restart_redis(self, redis: PrivateRedis) -> None:
        say("redis ended; starts again")
        try:
            redis.start()
        except NoRedis as error:
            say(f"medianest: {error}")
            time.sleep(1.0)

    def _welcome(self) -> None:
        say(f"MediaNest is ready at {self._prepared.url}/")
        if self._then:
            self._sequel = subprocess.Popen(_command(self._then), stdin=subprocess.DEVNULL, env=self._env)

    def _stop(self) -> None:
        """Drain everything at once, Redis last; what does not end in time is killed."""
        deadline = time.monotonic() + STOP_SECONDS
        if self._sequel is not None and self._sequel.poll() is None:
            self._sequel.terminate()
        for program in self._programs:
            program.signal(signal.SIGTERM)
        while any(program.alive() for program in self._programs):
            if time.monotonic() > deadline or self._stopping > 2:
                for program in self._programs:
                    program.signal(signal.SIGKILL)
            time.sleep(POLL_SECONDS / 2)
        if self._redis is not None:
            self._redis.stop()
        say("MediaNest has stopped")


def _answers(host: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((host, port), timeout=1) as asked:
            asked.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
            return asked.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


@dataclass(frozen=True)
class Prepared:
    """What `workers.prepare` found out for us; we load neither settings nor libraries, so that we stay small."""

    environment: dict[str, str]  # of our programs
    data_dir: str
    run_dir: str
    host: str
    port: int
    url: str
    private_redis: bool


def _prepare() -> Prepared:
    """Have everything checked; ends as the check ends if something is wrong."""
    done = subprocess.run([sys.executable, "-m", "workers.prepare"], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return Prepared(**json.loads(done.stdout))


def _take_data_dir(prepared: Prepared) -> IO[str]:
    """Hold the data directory, so that no second `up` runs on it."""
    lock = (Path(prepared.run_dir) / "up.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"medianest: another `medianest up` runs on {prepared.data_dir}") from None
    return lock


def _require_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            _refuse(f"PORT {port} cannot be used: {error.strerror}")


def _refuse(text: str) -> NoReturn:
    print(f"medianest: {text}", file=sys.stderr)
    raise SystemExit(2)


def _scale(text: str) -> dict[str, int]:
    wanted = re.fullmatch(r"[a-z]+=\d+(,[a-z]+=\d+)*", text)
    if wanted is None:
        raise argparse.ArgumentTypeError("give counts like worker=2,downloader=3")
    return {name: int(count) for name, count in (part.split("=") for part in text.split(","))}


def main() -> int:
    """Parse the command line of `medianest up` (its options are already in the environment)."""
    parser = argparse.ArgumentParser(prog="medianest up")
    parser.add_argument("--scale", type=_scale, default={})
    parser.add_argument("--then", default="", help="a command to run once everything is ready")
    arguments = parser.parse_args()
    prepared = _prepare()
    lock = _take_data_dir(prepared)
    _require_port(prepared.host, prepared.port)
    try:
        return Supervisor(prepared, arguments.scale, arguments.then).run()
    finally:
        lock.close()


if __name__ == "__main__":
    sys.exit(main())
