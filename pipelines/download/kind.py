"""Fetch one video with yt-dlp in a child process, then publish the file in the library.

An attempt goes on where the last one stopped: partial files lie in the job's staging folder. What is
about to be published is written down before the move, so that an attempt that dies between the move
and its last word does not lead to a second file.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.database import query
from config.settings import settings
from pipelines.download import library, naming
from pipelines.integrations.ytdlp.client import Fetched, Moved, Wanted, fetch
from pipelines.kind import Context, Kind, Limits
from pipelines.models.job import ENDED

KEEP_FAILED = 24 * 3600.0  # seconds in which a failed download's partial file waits for a retry


def _web_address(text: str) -> str:
    text = text.strip()
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a web address") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not contain a user name or password")
    if any(ord(character) < 33 for character in text):
        raise ValueError("must not contain spaces")
    return text


class Params(BaseModel):
    """What to download and how; a directly served file stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=4096, title="Video address"), AfterValidator(_web_address)]
    mode: Literal["video", "audio"] = "video"
    quality: Literal["best", "2160", "1440", "1080", "720", "480"] = "best"
    container: Literal["mp4", "mkv"] = "mp4"


def run(context: Context, params: Params) -> dict[str, Any]:
    """Fetch, publish, tidy up; the contract's download result."""
    media, staging = settings().media_dir, settings().staging_dir
    result = _published_before(context, media)
    if result is None:
        wanted = Wanted(params.url, params.mode, params.quality, params.container)
        fetched = fetch(
            wanted,
            staging,
            name=_staging_name(context.job_id, params),
            attempt=context.attempt,
            report=lambda moved: _report(context, moved),
            check=context.check,
        )
        result = _publish(context, fetched, media, params.url)
    for folder in library.folders_of(staging, context.job_id):
        library.discard(folder)
    return result


def _staging_name(job_id: int, params: Params) -> str:
    """The same for each attempt; partial files of what another database called job 17 are left alone."""
    return f"{job_id}-{hashlib.sha256(params.model_dump_json().encode()).hexdigest()[:8]}"


def _report(context: Context, moved: Moved) -> None:
    context.progress(
        percent=moved.percent,
        stage=moved.stage,
        done=moved.done,
        total=moved.total,
        unit="bytes",
        rate=moved.rate,
        eta_seconds=moved.eta_seconds,
    )


def _publish(context: Context, fetched: Fetched, media: Path, url: str) -> dict[str, Any]:
    context.progress(percent=100.0, stage="publishing", done=fetched.bytes, total=fetched.bytes, unit="bytes")
    name = naming.file_name(fetched.title, fetched.media_id, fetched.path.suffix)
    result: dict[str, Any] = {
        "title": fetched.title,
        "uploader": fetched.uploader,
        "duration": fetched.duration,
        "files": [{"path": name, "bytes": fetched.bytes, "sha256": fetched.sha256}],
        "source_url": url,
    }
    inode = fetched.path.stat().st_ino
    context.save(result=result, inode=inode)  # raises if the lease is lost, so only one attempt moves
    target = library.publish(fetched.path, media, name)
    result["files"][0]["path"] = str(target.relative_to(media))
    return result


def _published_before(context: Context, media: Path) -> dict[str, Any] | None:
    """The result of an attempt that moved its file and died before it could say so.

    The move keeps the inode, so the file is known for ours whatever name it got.
    """
    if "inode" not in context.checkpoint or not media.is_dir():
        return None
    inode, result = context.checkpoint["inode"], dict(context.checkpoint["result"])
    for file in media.iterdir():
        status = file.lstat()
        if status.st_ino == inode and status.st_size == result["files"][0]["bytes"]:
            result["files"][0]["path"] = str(file.relative_to(media))
            return result
    return None


def tidy() -> None:
    """Remove the staging folders of jobs that ended, failed ones after a day."""
    folders = [folder for folder in settings().staging_dir.glob("*") if library.job_of(folder) is not None]
    if not folders:
        return
    marks = ", ".join(["%s"] * len(folders))
    rows = query(
        f"SELECT id, state, finished_at < NOW - {KEEP_FAILED} AS old FROM job WHERE id IN ({marks})",
        *(library.job_of(folder) for folder in folders),
    )
    kept = {
        row["id"]
        for row in rows
        if row["state"] not in ENDED or (row["state"] == "failed" and not row["old"])
    }
    for folder in folders:
        if library.job_of(folder) not in kept:
            library.discard(folder)


def _host(params: dict[str, Any]) -> str:
    return urlsplit(params["url"]).hostname or ""


def _limits() -> Limits:
    return Limits(settings().downloads_per_user or None, settings().downloads_per_host or None)


KIND = Kind(
    name="download",
    title="Download a video",
    params=Params,
    run=run,
    max_attempts=5,
    tidy=tidy,
    hourly=lambda: settings().downloads_per_hour,
    limits=_limits,
    host=_host,
)
