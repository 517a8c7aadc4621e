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


def known(
    mode: str, *, address: str | None = None, extractor: str | None = None, media_id: str | None = None
) -> list[Row]:
    """What the archive has of this media in this mode, newest first: by the address it came from, or by its id."""
    return _select(source_url=address, extractor=extractor, media_id=media_id, mode=mode)


def find(download_id: int, owner_id: int | None = None) -> Row | None:
    """The download with its files, or None; with `owner_id` only if it belongs to that account."""
    rows = _select(id=download_id, owner_id=owner_id)
    return rows[0] if rows else None


def newest(owner_id: int | None, before: int | None, limit: int) -> list[Row]:
    """Downloads of an account (None: of everybody), newest first, from below the id `before`."""
    return _select(before, limit, owner_id=owner_id)


def _select(before: int | None = None, limit: int | None = None, **wanted: Any) -> list[Row]:
    """Newest first; what is None does not count."""
    conditions = {f"{column} = %s": value for column, value in wanted.items()} | {"id < %s": before}
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where = f" WHERE {' AND '.join(given)}" if given else ""
    text = f"SELECT {_COLUMNS} FROM download{where} ORDER BY id DESC"
    rows = (
        query(text, *given.values()) if limit is None else query(f"{text} LIMIT %s", *given.values(), limit)
    )
    return [{**row, "files": read_json(row["files"])} for row in rows]


def forget(download_id: int) -> None:
    """Take a download out of the archive."""
    change("DELETE FROM download WHERE id = %s", download_id)


def shared(path: str, download_id: int) -> bool:
    """Whether another download has this media file too: an entry of a playlist is linked to what exists."""
    return bool(query("SELECT 1 FROM download WHERE path = %s AND id <> %s", path, download_id))
