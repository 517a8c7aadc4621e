"""Downloads: the archive of what is in the library, with its files."""

from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from app import access
from app.accounts import audit
from app.api import shapes
from app.api.answers import PageQuery, Query, answer, nothing, number_of, page, place_of
from app.errors import Problem
from config.database import Row, transaction
from config.settings import settings
from pipelines.integrations import library
from pipelines.jobs.resource import describe_owner, rfc3339
from pipelines.models import download

downloads = APIBlueprint(
    "downloads",
    __name__,
    url_prefix="/api/v1/downloads",
    abp_tags=[{"name": "downloads"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)


class DownloadPath(BaseModel):
    """Which download."""

    download_id: str


class DeleteQuery(Query):
    """What goes with it."""

    files: bool = Field(default=False, description="Delete its files as well.")


def describe(row: Row) -> dict[str, Any]:
    """The download resource; paths are relative to the media directory."""
    return {
        "id": str(row["id"]),
        "job_id": str(row["job_id"]),
        "owner": describe_owner(row["owner_id"]),
        **{name: row[name] for name in ("title", "uploader", "duration", "mode", "source_url", "files")},
        "extractor": row["extractor"],
        "media_id": row["media_id"],
        "created_at": rfc3339(row["created_at"]),
    }


def _own_download(download_id: str) -> Row:
    person = access.signed_in()
    number = number_of(download_id)
    row = None if number is None else download.find(number, None if person.admin else person.user_id)
    if row is None:
        raise Problem("not_found", "There is no such download.")
    return row


@downloads.get("", responses={200: shapes.Page[shapes.Download]})
def list_downloads(query: PageQuery) -> Response:
    """List what was downloaded, the newest first

    Everyone sees their own, admins see all.
    """
    person = access.signed_in()
    before = place_of(query.cursor, "downloads")
    rows = download.newest(None if person.admin else person.user_id, before, query.limit + 1)
    return page(rows, query.limit, "downloads", describe)


@downloads.get("/<download_id>", responses={200: shapes.Download})
def show(path: DownloadPath) -> Response:
    """Show a download"""
    return answer(describe(_own_download(path.download_id)))


@downloads.delete("/<download_id>", responses={204: None})
def delete(path: DownloadPath, query: DeleteQuery) -> Response:
    """Take a download out of the archive

    With `files=true` its files are deleted too, unless another download has them as well.
    """
    row = _own_download(path.download_id)
    if query.files and not download.shared(row["path"], row["id"]):
        library.remove(settings().media_dir, [file["path"] for file in row["files"]])
    with transaction():
        download.forget(row["id"])
        target = str(row["id"])
        audit.note("download.deleted", target, access.signed_in(), title=row["title"], files=query.files)
    return nothing()
