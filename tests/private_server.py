"""A server process of a test's own, which can be stopped, killed, paused and started again at the same address.

It lives in a temporary directory and never outlives the process that started it: `close` runs at exit, and a guard
process cleans up when there was no chance to (SIGKILL).
"""

import atexit
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

START_SECONDS = 30.0
STOP_SECONDS = 10.0

# Reads until the starter is gone, then ends what it left: process groups named in the file `pids`, and the directory.
GUARD = """
cat
for pid in $(cat "$1/pids"); do kill -s KILL -- "-$pid" "$pid"; done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
"""

_handed_out: set[int] = set()


def free_port() -> int:
    """A free loopback port from below the ephemeral range, so that no outgoing connection takes it meanwhile."""
    while True:
        port = random.randint(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _handed_out:
            _handed_out.add(port)
            return port


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Return as soon as the condition holds; TimeoutError with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


class Server:
    """One server process and its directory; safe to stop, kill, pause and start again at the same address."""

    stop_signal = signal.SIGTERM

    def __init__(self, name: str) -> None:
        self.name = name
        # Not below TMPDIR: a unix socket's path may have 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix=f"medianest-{name}-", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None
        self._paused: list[psutil.Process] = []
        self._log = self.directory / "log"
        self._pids = self.directory / "pids"
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        atexit.register(self.close)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The server's process id; RuntimeError while it does not run."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and return once the server answers; RuntimeError with the end of its log if it ends instead."""
        if self.running:
            return
        with self._log.open("ab") as log:
            self._process = self._launch(log.fileno())
        self._note_pids([self._process.pid])
        try:
            wait_until(lambda: not self.running or self._answers(), START_SECONDS, f"{self.name} answers")
        except TimeoutError:
            self.kill()
            raise
        if not self.running:
            raise RuntimeError(f"{self.name} ended at its start:\n{self._log_end()}")

    def stop(self) -> None:
        """End the server as an administrator would; SIGKILL if that takes too long."""
        self.resume()
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL to the server and all its processes: what a crash looks like."""
        if self._process is None:
            return
        family = self._family()
        _signal(family, signal.SIGKILL)
        self._process.wait()
        wait_until(lambda: all(_ended(process) for process in family), STOP_SECONDS, f"{self.name} is dead")
        self._forget()

    def pause(self) -> None:
        """SIGSTOP to the server and all its processes: connections stay open and nothing answers."""
        self._paused = self._family()
        self._note_pids([process.pid for process in self._paused])
        _signal(self._paused, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        _signal(self._paused, signal.SIGCONT)
        self._paused = []

    def close(self) -> None:
        """End the server and remove its directory; the object is of no use afterwards."""
        atexit.unregister(self.close)
        self.kill()
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
            self._guard.wait()

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _family(self) -> list[psutil.Process]:
        server = psutil.Process(self.pid)
        return [server, *server.children(recursive=True)]

    def _note_pids(self, pids: list[int]) -> None:
        self._pids.write_text("\n".join(map(str, pids)))

    def _forget(self) -> None:
        self._process = None
        self._paused = []
        self._note_pids([])

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)  # its parent, an init perhaps, may reap it late
    except psutil.NoSuchProcess:
        return True
