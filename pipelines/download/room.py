"""Room on the disk: downloads leave a floor free, and reserve what they are going to need.

Below the floor all downloads wait, and nothing else has to. They go on when there is a little more than the floor, so
that they do not start and stop at its edge.
"""

import shutil

from config.database import query
from config.json_text import read_json
from config.settings import settings
from pipelines.errors import Held, Snooze, WaitReason

_AGAIN = 60.0  # seconds until a disk that was full is tried again
_UNFIT = 600.0  # seconds until a download that does not fit is looked at again: each look asks the site
_EDGE = 16 * 2**20


def held() -> tuple[WaitReason, str] | None:
    """Why no download can begin: the disk is full."""
    free, floor = _free(), settings().disk_floor
    return ("disk", _text(floor)) if free is not None and floor and free < floor + _edge(floor) else None


def keep_floor() -> None:
    """Raise Held if a running download has to stop, so that the floor stays free."""
    free, floor = _free(), settings().disk_floor
    if free is not None and free < floor:
        raise Held("disk", _text(floor))


def reserve(job_id: int, needed: int) -> None:
    """Raise Snooze if `needed` more bytes do not fit above the floor beside what others still need."""
    free = _free()
    if free is None or needed <= 0:
        return
    if free - _promised(job_id) - needed < settings().disk_floor:
        raise Snooze("disk", f"This needs {_words(needed)}, more than the disk has room for.", _UNFIT)


def full() -> Snooze:
    """What to raise when the disk said that it is full, whatever the figures say."""
    return Snooze("disk", "The disk is full.", _AGAIN)


def _free() -> int | None:
    """Bytes free on the media file system; None if it cannot be seen from here."""
    try:
        return shutil.disk_usage(settings().media_dir).free
    except OSError:
        return None


def _edge(floor: int) -> int:
    return min(_EDGE, floor // 10)


def _promised(job_id: int) -> int:
    """Bytes that other running downloads have yet to write, as far as they know."""
    rows = query(
        "SELECT progress FROM job WHERE queue = 'download' AND state = 'running' AND worker_id IS NOT NULL AND id <> %s",
        job_id,
    )
    reports = (read_json(row["progress"]) for row in rows if row["progress"])
    loading = [report for report in reports if report["total"] and report["stage"] == "downloading"]
    return sum(max(report["total"] - (report["done"] or 0), 0) for report in loading)


def _text(floor: int) -> str:
    return f"The disk is full: {_words(floor)} are kept free."


def _words(size: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"
