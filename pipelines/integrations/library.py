"""The way of finished files from staging into the media directory, and out of it again.

Nothing is overwritten that is not ours, and no link is followed below the media directory: its folders
are opened one within the other. A media file and what lies beside it share one stem, which only the
media file claims.
"""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from pipelines.errors import GiveUp, TryAgain

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_ATTEMPTS = 5  # to enter a folder that others remove because it fell empty
_COMPANION = re.compile(r"[.-][A-Za-z0-9][A-Za-z0-9._-]{0,38}")


def publish(source: Path, media_dir: Path, relative: PurePosixPath) -> Path:
    """Move `source` to `relative` in the media directory (or to `name (2)` …); its final path."""
    wanted = _parts(relative)
    if not wanted:
        raise ValueError("the place of a file must be a plain path")
    with _told():
        for _ in range(_ATTEMPTS):
            with suppress(FileNotFoundError):
                return _published(source, media_dir, wanted)
    raise TryAgain("incomplete", "The downloaded file vanished before it was published.")


def accompany(files: Mapping[str, Path], media: Path) -> list[Path]:
    """Move `files` beside the published `media`; a key is what follows its stem, as `.en.vtt` or `-thumb.jpg`.

    What an earlier attempt has moved counts as moved; anything but a plain file or key is left out.
    """
    moved = []
    with _told(), _opened(media.parent, ()) as folder:
        for ending, source in files.items():
            name = f"{media.stem}{ending}"
            if not _COMPANION.fullmatch(ending) or name.casefold() == media.name.casefold():
                continue
            if _status(source) is not None:
                os.replace(source, name, dst_dir_fd=folder)
            if _status(name, folder) is not None:
                moved.append(media.with_name(name))
        os.fsync(folder)
    return moved


def find(media_dir: Path, relative: str, inode: int, size: int) -> Path | None:
    """The file that was on its way to `relative` when its attempt died, known by what a move keeps."""
    wanted = _parts(PurePosixPath(relative))[:-1]
    with suppress(FileNotFoundError), _opened(media_dir, ()) as root:
        for path, folders, files, folder in os.fwalk(".", dir_fd=root):
            depth = len(PurePosixPath(path).parts)
            if depth < len(wanted):
                folders[:] = [name for name in folders if _numbered_like(name, wanted[depth])]
                continue
            folders.clear()
            for name in files:
                status = _status(name, folder)
                if status is not None and (status.st_ino, status.st_size) == (inode, size):
                    return media_dir / path / name
    return None


def remove(media_dir: Path, paths: Iterable[str]) -> int:
    """Remove files of the library and the folders that are empty then; the number of files removed.

    What is not there, is no plain file or lies outside or behind a link is left alone.
    """
    removed = 0
    for path in paths:
        if not (parts := _parts(PurePosixPath(path))):
            continue
        *folders, name = parts
        with suppress(FileNotFoundError, NotADirectoryError), _opened(media_dir, folders) as folder:
            if _status(name, folder) is not None:
                os.unlink(name, dir_fd=folder)
                removed += 1
        for depth in reversed(range(len(folders))):
            with suppress(OSError), _opened(media_dir, folders[:depth]) as parent:
                os.rmdir(folders[depth], dir_fd=parent)
    return removed


def _parts(path: PurePosixPath) -> tuple[str, ...]:
    """The components of a path that leads down to something visible; none of any other path."""
    return () if any(part.startswith((".", "/")) or "\0" in part for part in path.parts) else path.parts


@contextmanager
def _told() -> Iterator[None]:
    """Say in the contract's words that the media directory does not take a file."""
    try:
        yield
    except OSError as error:
        raise GiveUp(
            "media_directory",
            "The finished file could not be moved into the media directory.",
            advice=f"Check its permissions and space ({os.strerror(error.errno or 0)}).",
            category="local",
        ) from None


@contextmanager
def _opened(media_dir: Path, folders: Sequence[str]) -> Iterator[int]:
    """A descriptor of a folder below the media directory, reached without following a link."""
    handle = os.open(media_dir, _FOLDER)
    try:
        for name in folders:
            inner = _entered(name, handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _entered(name: str, parent: int) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        if error.errno == errno.ELOOP:  # what some systems say of a link
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        raise


def _status(file: Path | str, folder: int | None = None) -> os.stat_result | None:
    """Of a plain file; None if it is anything else, or not there."""
    try:
        status = os.stat(file, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _published(source: Path, media_dir: Path, wanted: Sequence[str]) -> Path:
    if _status(source) is None:
        raise FileNotFoundError
    media_dir.mkdir(parents=True, exist_ok=True)
    folders: list[str] = []
    for part in wanted[:-1]:
        with _opened(media_dir, folders) as parent:
            folders.append(_made(part, parent))
    with _opened(media_dir, folders) as folder:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(folder, fcntl.LOCK_EX)  # a stem is looked up and claimed by one at a time
        name = _claimed(source, folder, PurePosixPath(wanted[-1]))
        os.fsync(folder)
    return media_dir.joinpath(*folders, name)


def _made(wanted: str, parent: int) -> str:
    """The name of a folder that is there now; `wanted`, unless that is a link or a file."""
    for name in _numbered(wanted):
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
            os.fsync(parent)
        with suppress(NotADirectoryError):
            os.close(_entered(name, parent))
            return name
    raise AssertionError("unreachable")


def _claimed(source: Path, folder: int, wanted: PurePosixPath) -> str:
    """The name under which `source` lies in the folder now; nothing else there has its stem."""
    stems = {stem for name in os.listdir(folder) for stem in _stems(name.casefold())}
    for stem in _numbered(wanted.stem):
        if stem.casefold() in stems:
            continue
        with suppress(FileExistsError):
            _move(source, folder, stem + wanted.suffix)
            return stem + wanted.suffix
    raise AssertionError("unreachable")


def _stems(name: str) -> Iterator[str]:
    """Everything that `name` may be the media file or a companion of."""
    yield name
    for mark in re.finditer("[.-]", name):
        yield name[: mark.start()]


def _numbered(wanted: str) -> Iterator[str]:
    yield wanted
    number = 2
    while True:
        yield f"{wanted} ({number})"
        number += 1


def _numbered_like(name: str, wanted: str) -> bool:
    return re.fullmatch(re.escape(wanted) + r"( \([0-9]+\))?", name) is not None


def _move(source: Path, folder: int, name: str) -> None:
    try:
        os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)  # fails if it exists, unlike a rename
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, dir_fd=folder))  # the name is ours now
        try:
            os.rename(source, name, dst_dir_fd=folder)
        except OSError:
            os.unlink(name, dir_fd=folder)
            raise
    else:
        with suppress(FileNotFoundError):
            os.unlink(source)
