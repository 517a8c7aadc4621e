"""What is wrong is said before anything starts: settings and places. Imports little, for the supervisor's sake."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from config.settings import SettingsError, settings

EXIT_SETTINGS = 2


def check_settings() -> None:
    """End the process with code 2 and a list of all problems if the settings are wrong."""
    try:
        settings()
    except SettingsError as error:
        for problem in error.problems:
            print(f"medianest: {problem}", file=sys.stderr)
        raise SystemExit(EXIT_SETTINGS) from None


def check_places() -> None:
    """End the process with code 2 unless finished files can be moved from staging into the media directory."""
    staging, media = settings().staging_dir, settings().media_dir
    for name, folder in (("MEDIANEST_MEDIA_DIR", media), ("MEDIANEST_STAGING_DIR", staging)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            refuse(f"{name}: {folder} cannot be made: {error.strerror}")
    if not _can_move(staging, media):
        refuse("MEDIANEST_STAGING_DIR: must lie on the file system of MEDIANEST_MEDIA_DIR")


def refuse(text: str) -> NoReturn:
    """Say what is wrong and end the process with code 2."""
    print(f"medianest: {text}", file=sys.stderr)
    raise SystemExit(EXIT_SETTINGS)


def _can_move(source: Path, target: Path) -> bool:
    """Whether a file can be moved; two mounts of one file system have one number, but no move between them."""
    name = f".move-{os.getpid()}"
    try:
        (source / name).touch()
        (source / name).rename(target / name)
    except OSError as error:
        return error.errno != errno.EXDEV  # other troubles may pass, and each job tells of them
    finally:
        for folder in (source, target):
            with suppress(OSError):
                (folder / name).unlink()
    return True
