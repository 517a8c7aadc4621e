"""One child process in a session of its own: talk to it, and leave nothing of it behind."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.integrations.ytdlp.messages import HEARTBEAT_SECONDS

_BLOCK = 65536
_LONGEST_LINE = 1024 * 1024
_TAIL = 4096
_GONE_SECONDS = 0.5
_REAP_SECONDS = 5.0
_NICENESS = 10  # whoever looks at the page, or at a film on this machine, goes first
_FIRST_TO_GO = 500  # when memory runs out; a download goes on where it stopped


class Child:
    """As a context: at its end the whole group is killed and the child reaped, whatever happened."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path, keep: int) -> None:
        """Start it; of our open descriptors it gets only `keep` (and its three pipes)."""
        self._popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            cwd=folder, env=env, pass_fds=(keep,), start_new_session=True,
        )  # fmt: skip
        self.pid = self._popen.pid
        _make_modest(self.pid)
        self.ended = False
        self._said = bytearray()
        self._tail = bytearray()
        self._beat_at = time.monotonic()
        assert self._popen.stdin and self._popen.stdout and self._popen.stderr
        self._in = self._popen.stdin.fileno()
        os.set_blocking(self._in, False)
        self._out = self._popen.stdout.fileno()
        self._err = self._popen.stderr.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def tail(self) -> str:
        """The last of what it wrote to standard error."""
        return self._tail.decode(errors="replace")

    def send(self, line: bytes) -> None:
        """Write to its standard input; a child that is gone shows itself in `ended`. What it does
        not read within seconds is lost."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            while line:
                line = line[os.write(self._in, line) :]
                if line and not select.select([], [self._in], [], _REAP_SECONDS)[1]:
                    return

    def beat(self) -> None:
        """Send a heartbeat if one is due."""
        now = time.monotonic()
        if now - self._beat_at >= HEARTBEAT_SECONDS:
            self._beat_at = now
            self.send(b"\n")

    def lines(self, seconds: float) -> list[bytes]:
        """What it has said, waiting at most `seconds` for the first of it."""
        for descriptor, _ in self._poll.poll(seconds * 1000):
            data = os.read(descriptor, _BLOCK)
            if descriptor == self._err:
                self._tail = (self._tail + data)[-_TAIL:]
            else:
                self._said += data
                self.ended = not data or len(self._said) > _LONGEST_LINE
            if not data:
                self._poll.unregister(descriptor)
        *lines, rest = self._said.split(b"\n")
        self._said = bytearray(rest)
        return [bytes(line) for line in lines]

    def kill(self) -> None:
        """SIGKILL to the group, reap the child, wait a moment for the others to be gone."""
        # Not reaped yet, so the number is still its own even if it has ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_REAP_SECONDS)
        until = time.monotonic() + _GONE_SECONDS
        while self._lives() and time.monotonic() < until:
            time.sleep(0.005)
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()

    def _lives(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _make_modest(pid: int) -> None:
    """Let everybody else have the processor and the memory first, as far as this system has means for it.

    Where Linux shares the processor out by session (autogroup), niceness counts only within one, so the
    session is told as well.
    """
    niceness = max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")
    with contextlib.suppress(OSError):
        own = int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(max(own, _FIRST_TO_GO)), encoding="ascii")
