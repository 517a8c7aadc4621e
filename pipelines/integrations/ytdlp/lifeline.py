"""The child's end of the line to its worker: when the line is cut or silent, the whole group dies.

A worker may vanish without a word (SIGKILL), and ffmpeg would write on as an orphan. So a thread waits
on standard input: its end, or no heartbeat for too long, kills the child's session. A child that was
frozen itself sees the long gap when it wakes, although heartbeats have piled up in the pipe meanwhile.
The same line brings the word to go on.
"""

import os
import select
import signal
import threading
import time

from pipelines.integrations.ytdlp.messages import GO, SILENCE_SECONDS

_TICK = 0.5


def read_order(line: int) -> bytes:
    """The first line on the descriptor `line`; empty if the worker is gone already."""
    said = bytearray()
    while not said.endswith(b"\n"):
        byte = os.read(line, 1)
        if not byte:
            return b""
        said += byte
    return bytes(said)


def hold(line: int, silence: float = SILENCE_SECONDS) -> threading.Event:
    """Watch the descriptor `line` from a thread of its own; the process leads its group. The event is set by `GO`."""
    may_go = threading.Event()
    threading.Thread(target=_watch, args=(line, silence, may_go), name="lifeline", daemon=True).start()
    return may_go


def _watch(line: int, silence: float, may_go: threading.Event) -> None:
    heard = time.monotonic()
    while True:
        ready, _, _ = select.select([line], [], [], _TICK)
        now = time.monotonic()
        said = os.read(line, 65536) if ready else None
        if now - heard > silence or said == b"":
            os.killpg(0, signal.SIGKILL)
        if said:
            heard = now
            if GO.strip() in said:
                may_go.set()
