"""What every process of ours does first: read the settings, reach the database, check its schema."""

import errno
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import structlog

from config import database, logging, schema, tether
from config.settings import SettingsError, settings

log = structlog.get_logger(__name__)

EXIT_SETTINGS = 2


def check_settings() -> None:
    """End the process with code 2 and a list of all problems if the settings are wrong."""
    try:
        settings()
    except SettingsError as error:
        for problem in error.problems:
            print(f"medianest: {problem}", file=sys.stderr)
        raise SystemExit(EXIT_SETTINGS) from None


def begin(program: str) -> threading.Event:
    """Read the settings, send logs on their way, tie us to the supervisor; what is set once we are told to stop."""
    check_settings()
    logging.configure(program)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tether.hold()
    return stop


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


def connect(connections: int, stop: threading.Event | None = None) -> None:
    """Bind the database and wait until it can be reached, or end when told to `stop`; refuse a schema that
    is not ours."""
    check_settings()
    stop = stop or threading.Event()
    database.bind(settings().database_url, connections=connections)
    while True:
        try:
            schema.require_current()
            return
        except schema.SchemaMismatch as error:
            refuse(str(error))
        except database.AWAY as error:
            log.warning("waiting for the database", error=type(error).__name__)
            if stop.wait(1.0):
                raise SystemExit(0) from None
