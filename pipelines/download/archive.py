"""What the library has already: an entry of a playlist is linked to it, an address that is submitted again is fetched again.

A video is known by its extractor and id; for the generic extractor, whose ids are file names, by its whole address.
"""

from typing import Any

from config.settings import settings
from pipelines.download.params import Params
from pipelines.integrations.ytdlp.client import Found
from pipelines.kind import Context
from pipelines.models import download

# Members of a result on its way to the archive that are none of the contract's.
IDENTITY = ("extractor", "media_id", "linked")


class Linked(Exception):
    """The video is in the library; `result` is what the job has for it."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__("linked")
        self.result = result


def identity(extractor: str, media_id: str, url: str) -> tuple[str, str]:
    """By what the archive knows a video."""
    name = extractor.lower()
    return (name, url) if name.startswith("generic") else (name, media_id)


def linked(context: Context, params: Params) -> dict[str, Any] | None:
    """The result of an entry that was fetched from this very address before."""
    if context.parent_id is None:
        return None
    return _result(download.known(params.mode, address=params.source), context, params)


def link_found(context: Context, params: Params, found: Found) -> None:
    """Raise Linked if an entry has turned out to be a video that we have."""
    if context.parent_id is None:
        return
    extractor, media_id = identity(found.extractor, found.media_id, params.source)
    rows = download.known(params.mode, extractor=extractor, media_id=media_id)
    result = _result(rows, context, params)
    if result is not None:
        raise Linked(result)


def record(context: Context, params: Params, result: dict[str, Any]) -> None:
    """Write down what the job has put in the library; what another job of the owner has put there, once."""
    if result.get("linked") == context.owner_id:
        return
    extractor, media_id = identity(result.get("extractor", ""), result.get("media_id", ""), params.source)
    download.record(context.job_id, context.owner_id, extractor, media_id, params.mode, result)


def _result(rows: list[dict[str, Any]], context: Context, params: Params) -> dict[str, Any] | None:
    """Of the newest that is still there, the owner's own first."""
    rows = sorted(rows, key=lambda row: bool(row["owner_id"] != context.owner_id))
    row = next((row for row in rows if _lies_there(row)), None)
    if row is None:
        return None
    about = {name: row[name] for name in ("title", "uploader", "duration", "files", "extractor", "media_id")}
    return {**about, "source_url": params.source, "linked": row["owner_id"]}


def _lies_there(row: dict[str, Any]) -> bool:
    return (settings().media_dir / str(row["path"])).is_file()
