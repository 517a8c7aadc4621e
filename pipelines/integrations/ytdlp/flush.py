"""Bring a file to the disk while it is still growing, so that little is left to wait for at its end."""

import os
import threading
from pathlib import Path

_EVERY = 2.0  # seconds
_WORTH = 8 * 2**20  # bytes


def begin(directory: Path) -> None:
    """Look after the files of a download from a thread of its own, as long as the process lives."""
    threading.Thread(target=_look_after, args=(directory,), name="flush", daemon=True).start()


def _look_after(directory: Path) -> None:
    synced: dict[str, int] = {}
    pause = threading.Event()
    while not pause.wait(_EVERY):
        for file in directory.glob("media.*"):
            _flush(file, synced)


def _flush(file: Path, synced: dict[str, int]) -> None:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        size = os.fstat(handle).st_size
        if size - synced.get(file.name, 0) >= _WORTH:
            os.fdatasync(handle)
            synced[file.name] = size
    except OSError:  # the one that counts comes at the end
        return
    finally:
        os.close(handle)
