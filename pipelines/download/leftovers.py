"""What downloads leave in staging: partial files that a later attempt goes on with, and their removal."""

import fcntl
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from config.database import query
from config.settings import settings
from pipelines.integrations.ytdlp.staging import size as size_of
from pipelines.models.job import ENDED

KEEP_FAILED = 24 * 3600.0  # seconds in which a failed download's partial file waits for a retry


def job_of(folder: Path) -> int | None:
    """The job that a staging folder (`17-3f2a90c1`, or `17-3f2a90c1.2` of a second attempt) belongs to."""
    name = re.fullmatch(r"([0-9]+)-[0-9a-f]{8}(\.[0-9]+)?", folder.name)
    return int(name[1]) if name else None


def folders_of(staging: Path, job_id: int) -> list[Path]:
    """The staging folders of one job."""
    return [folder for folder in staging.glob(f"{job_id}*") if job_of(folder) == job_id]


def held_by(staging: Path, job_id: int) -> int:
    """Bytes that lie in the staging folders of one job."""
    return sum(size_of(folder) for folder in folders_of(staging, job_id))


def discard(folder: Path) -> None:
    """Remove a staging folder, unless a process that still lives works in it; nothing but a staging folder
    has the lock, so what else may lie there stays. The lock goes last, so that a removal that died can be
    repeated."""
    try:
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        with suppress(OSError):
            folder.rmdir()
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for each in folder.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            elif each.name != ".lock":
                each.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(lock)


def tidy() -> None:
    """Remove the staging folders of jobs that ended, failed ones after a day."""
    folders = [folder for folder in settings().staging_dir.glob("*") if job_of(folder) is not None]
    if not folders:
        return
    marks = ", ".join(["%s"] * len(folders))
    rows = query(
        f"SELECT id, state, finished_at < NOW - {KEEP_FAILED} AS old FROM job WHERE id IN ({marks})",
        *(job_of(folder) for folder in folders),
    )
    kept = {
        row["id"]
        for row in rows
        if row["state"] not in ENDED or (row["state"] == "failed" and not row["old"])
    }
    for folder in folders:
        if job_of(folder) not in kept:
            discard(folder)
