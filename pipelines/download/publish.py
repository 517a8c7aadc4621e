"""From staging into the library: the media file first, which claims the name, then what lies beside it."""

import hashlib
from pathlib import Path
from typing import Any

from config.settings import settings
from pipelines.download import naming, nfo
from pipelines.download.params import Params
from pipelines.integrations import library
from pipelines.integrations.ytdlp.client import Fetched
from pipelines.kind import Context


def publish(context: Context, fetched: Fetched, params: Params) -> dict[str, Any]:
    """Move everything; the contract's download result, with the identity for the archive."""
    context.progress(
        percent=100.0,
        stage="publishing",
        message=fetched.title,
        done=fetched.bytes,
        total=fetched.bytes,
        unit="bytes",
    )
    described = naming.Described(
        fetched.title, fetched.media_id, fetched.uploader, fetched.upload_date, fetched.description, params.url,
        fetched.duration,
    )  # fmt: skip
    beside = dict(fetched.beside)
    if not params.embed:
        beside[".nfo"] = fetched.path.with_name("media.nfo")
        beside[".nfo"].write_bytes(nfo.nfo(described))
    place = naming.place(described, fetched.path.suffix)
    result: dict[str, Any] = {
        "title": fetched.title,
        "uploader": fetched.uploader,
        "duration": fetched.duration,
        "files": [{"path": str(place), "bytes": fetched.bytes, "sha256": fetched.sha256}],
        "source_url": params.source,
        "extractor": fetched.extractor,
        "media_id": fetched.media_id,
    }
    moved = {ending: str(path) for ending, path in beside.items()}
    inode = fetched.path.stat().st_ino
    context.save(result=result, inode=inode, beside=moved)  # raises if the lease is lost: one attempt moves
    media = library.publish(fetched.path, settings().media_dir, place)
    return _with_companions(result, media, beside)


def published_before(context: Context) -> dict[str, Any] | None:
    """The result of an attempt that moved its file and died before it could say so.

    The move keeps the inode, so the file is known for ours whatever name it got.
    """
    if "inode" not in context.checkpoint:
        return None
    result = dict(context.checkpoint["result"])
    first = result["files"][0]
    media = library.find(settings().media_dir, first["path"], context.checkpoint["inode"], first["bytes"])
    if media is None:
        return None
    beside = {ending: Path(path) for ending, path in context.checkpoint.get("beside", {}).items()}
    return _with_companions(result, media, beside)


def _with_companions(result: dict[str, Any], media: Path, beside: dict[str, Path]) -> dict[str, Any]:
    root = settings().media_dir
    first = {**result["files"][0], "path": str(media.relative_to(root))}
    others = [_described(file, root) for file in library.accompany(beside, media)]
    return {**result, "files": [first, *others]}


def _described(file: Path, root: Path) -> dict[str, Any]:
    with file.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    return {"path": str(file.relative_to(root)), "bytes": file.stat().st_size, "sha256": digest}
