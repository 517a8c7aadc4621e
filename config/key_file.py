"""Secrets in files that only their owner may read: made once, and replaced without a moment in which there is none."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AnotherRotation(Exception):
    """Somebody is replacing the secret at this moment."""


def read_or_create(path: Path) -> str:
    """The secret in `path`; a new one is written there atomically if there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        fresh = _beside(path, secrets.token_urlsafe(32))
        try:
            os.link(fresh, path)  # the first of several processes wins
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()


def earlier(path: Path) -> list[str]:
    """The secrets that were in `path` and that something may still be sealed under, the oldest first."""
    try:
        return _earlier(path).read_text().split()
    except FileNotFoundError:
        return []


@contextmanager
def rotation(path: Path) -> Iterator[None]:
    """Put a new secret into `path`; inside, the one before is among the earlier ones, and afterwards there are none.

    Whoever is killed in here loses nothing: the earlier ones stay until a later rotation ends. Raises AnotherRotation.
    """
    with _alone(path.parent):
        present = read_or_create(path)
        _replace(_earlier(path), "\n".join([*earlier(path), present]), path)
        _replace(path, secrets.token_urlsafe(32), path)
        yield
        _earlier(path).unlink()
        _settle(path.parent)


def _earlier(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRotation from None
        yield
    finally:
        os.close(handle)


def _replace(path: Path, text: str, like: Path) -> None:
    """`text` is in `path`, also after a power failure; the file belongs to whoever `like` belongs to."""
    owner = like.stat()
    fresh = _beside(path, text, owner=(owner.st_uid, owner.st_gid))
    fresh.replace(path)
    _settle(path.parent)


def _beside(path: Path, text: str, owner: tuple[int, int] | None = None) -> Path:
    """A new file next to `path` with this text."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        if owner is not None:  # root may replace what another account's processes read
            os.fchown(file.fileno(), *owner)
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh


def _settle(folder: Path) -> None:
    """What was renamed and removed in the folder stays so after a power failure."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
