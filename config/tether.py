"""A process that `medianest up` started ends when the supervisor's pipe closes."""

import os
import signal
import sys
import threading

from config.settings import settings


def hold() -> None:
    """Send ourselves SIGTERM when standard input, the supervisor's pipe, ends; if there is one."""
    if settings().tethered:
        threading.Thread(target=_wait_for_end, name="tether", daemon=True).start()


def _wait_for_end() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
