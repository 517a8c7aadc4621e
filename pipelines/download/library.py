"""The way of a finished file from staging into the media directory: one atomic move, nothing overwritten."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import GiveUp, TryAgain

LOCK_NAME = ".lock"  # the downloading process holds it as long as it lives


def publish(source: Path, media_dir: Path, name: str) -> Path:
    """Move `source` to `name` in the media directory (or `name (2)` …); its final path."""
    media_dir.mkdir(parents=True, exist_ok=True)
    for target in _candidates(media_dir / name):
        try:
            _move(source, target)
        except FileExistsError:
            continue
        except FileNotFoundError:
            raise TryAgain("incomplete", "The downloaded file vanished before it was published.") from None
        except OSError as error:
            raise GiveUp(
                "media_directory",
                "The finished file could not be moved into the media directory.",
                advice=f"Check its permissions and space ({os.strerror(error.errno or 0)}).",
                category="local",
            ) from None
        _sync(target.parent)
        return target
    raise AssertionError("unreachable")


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1


def _move(source: Path, target: Path) -> None:
    try:
        os.link(source, target)  # fails if the target exists, unlike a rename
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # a file system without hard links
        target.touch(exist_ok=False)  # the name is ours from here on
        try:
            os.rename(source, target)
        except OSError:
            os.unlink(target)
            raise
    else:
        os.unlink(source)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def job_of(folder: Path) -> int | None:
    """The job that a staging folder (`17-3f2a90c1`, or `17-3f2a90c1.2` of a second attempt) belongs to."""
    name = re.fullmatch(r"([0-9]+)-[0-9a-f]{8}(\.[0-9]+)?", folder.name)
    return int(name[1]) if name else None


def folders_of(staging: Path, job_id: int) -> list[Path]:
    """The staging folders of one job."""
    return [folder for folder in staging.glob(f"{job_id}*") if job_of(folder) == job_id]


def discard(folder: Path) -> None:
    """Remove a staging folder, unless a process that still lives works in it; nothing but a staging folder
    has the lock, so what else may lie there stays."""
    try:
        lock = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(lock)
