import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import psutil

Gone = Callable[[Iterable[psutil.Process]], None]

# A leader that starts a child of its own and then keeps the interpreter busy, without a pause.
_BUSY = """
import subprocess, sys
from pipelines.integrations.ytdlp import lifeline
lifeline.hold(0, float(sys.argv[1]))
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdin=subprocess.DEVNULL)
print(other.pid, flush=True)
while True:
    sum(range(1000))
"""


@contextmanager
def busy(silence: float) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    command = [sys.executable, "-c", _BUSY, str(silence)]
    leader = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert leader.stdout is not None
    other = int(leader.stdout.readline())
    try:
        yield leader, [psutil.Process(leader.pid), psutil.Process(other)]
    finally:
        if leader.poll() is None:
            os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()


def beat(leader: subprocess.Popen[str]) -> None:
    assert leader.stdin is not None
    leader.stdin.write("\n")
    leader.stdin.flush()


def test_the_whole_group_dies_when_the_line_is_cut(gone: Gone) -> None:
    with busy(30) as (leader, group):
        assert leader.stdin is not None
        leader.stdin.close()
        gone(group)


def test_the_whole_group_dies_of_silence_but_not_while_it_hears_something(gone: Gone) -> None:
    with busy(1.0) as (leader, group):
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            beat(leader)
            assert leader.poll() is None
            time.sleep(0.2)
        gone(group)


def test_a_process_that_was_frozen_too_long_dies_when_it_wakes_although_it_is_spoken_to(gone: Gone) -> None:
    with busy(1.0) as (leader, group):
        os.kill(leader.pid, signal.SIGSTOP)
        until = time.monotonic() + 1.6
        while time.monotonic() < until:
            beat(leader)
            time.sleep(0.2)
        os.kill(leader.pid, signal.SIGCONT)
        gone(group)
