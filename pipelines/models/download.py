"""The archive: what was downloaded, with its files; one row for each job that put something in the library."""

from typing import Any

from peewee import AutoField, BigIntegerField, DoubleField, TextField

from config.database import Row, change, query
from config.json_text import read_json, write_json
from pipelines.models.table import Table


class Download(Table):
    """`files` is the JSON list of the contract's download result, the media file first; `path` is that one's."""

    id = AutoField()
    job_id = BigIntegerField(unique=True)
    owner_id = BigIntegerField()
    extractor = TextField()
    media_id = TextField()
    mode = TextField()
    title = TextField()
    uploader = TextField(null=True)
    duration = DoubleField(null=True)
    source_url = TextField()
    path = TextField()
    files = TextField()
    created_at = DoubleField()


_COLUMNS = ", ".join(Download._meta.columns)


def record(
    job_id: int, owner_id: int, extractor: str, media_id: str, mode: str, result: dict[str, Any]
) -> None:
    """Write down what a job put in the library; told twice, it stands there once."""
    change(
        "INSERT INTO download (job_id, owner_id, extractor, media_id, mode, title, uploader, duration, source_url,"
        " path, files, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, NOW) ON CONFLICT (job_id) DO NOTHING",
        *(
            job_id,
            owner_id,
            extractor,
            media_id,
            mode,
            result["title"],
            result["uploader"],
            result["duration"],
        ),
        *(result["source_url"], result["files"][0]["path"], write_json(result["files"])),
    )


def known(mode: str, *, address: str | None = None, extractor: str = "", media_id: str = "") -> list[Row]:
    """What the archive has of this media in this mode, newest first: by the address it came from, or by its id."""
    if address is not None:
        where, values = "source_url = %s", [address]
    else:
        where, values = "media_id = %s AND extractor = %s", [media_id, extractor]
    rows = query(
        f"SELECT {_COLUMNS} FROM download WHERE {where} AND mode = %s ORDER BY id DESC", *values, mode
    )
    return [_opened(row) for row in rows]


def find(download_id: int) -> Row | None:
    """One download with its files, None if there is none."""
    rows = query(f"SELECT {_COLUMNS} FROM download WHERE id = %s", download_id)
    return _opened(rows[0]) if rows else None


def newest(owner_id: int | None, before: int | None, limit: int) -> list[Row]:
    """Downloads of an account (None: of everybody), newest first, from below the id `before`."""
    conditions: list[str] = ["1 = 1"]
    values: list[int] = []
    for condition, value in (("owner_id = %s", owner_id), ("id < %s", before)):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    where = " AND ".join(conditions)
    rows = query(f"SELECT {_COLUMNS} FROM download WHERE {where} ORDER BY id DESC LIMIT %s", *values, limit)
    return [_opened(row) for row in rows]


def forget(download_id: int) -> None:
    """Take a download out of the archive."""
    change("DELETE FROM download WHERE id = %s", download_id)


def shared(path: str, download_id: int) -> bool:
    """Whether another download has this media file too: an entry of a playlist is linked to what exists."""
    return bool(query("SELECT 1 FROM download WHERE path = %s AND id <> %s", path, download_id))


def _opened(row: Row) -> Row:
    return {**row, "files": read_json(row["files"])}
