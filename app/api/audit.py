"""The audit log, for admins: who did what, from where; to read page by page or to take away as a whole."""

from typing import Any, Literal

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.media_type import MediaType
from pydantic import Field

from app.accounts.export import WRITERS, Format, entry
from app.api import people_shapes, shapes
from app.api.answers import DateTime, PageQuery, Text, page, place_of
from pipelines.models.audit import Chosen, everything, newest_first

audit = APIBlueprint(
    "audit",
    __name__,
    url_prefix="/api/v1/admin/audit",
    abp_tags=[{"name": "admin"}],
    abp_security=shapes.SIGNED_IN,
    abp_responses=shapes.ERRORS,
)

CONTENT_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/x-ndjson",
}


class AuditQuery(PageQuery):
    """Which entries."""

    action: Text | None = Field(
        default=None,
        description="An action, or what several begin with: `auth` chooses `auth.login` and the others.",
    )
    actor: str | None = Field(
        default=None,
        pattern=r"^[0-9]{1,18}$",
        description="An account's id; 0 is the command line and the system.",
    )
    q: Text | None = Field(default=None, description="Words in names, addresses, targets or details.")
    since: DateTime | None = Field(default=None, description="Not before this time.")
    until: DateTime | None = Field(default=None, description="Before this time.")
    format: Literal["json", "csv", "jsonl"] = Field(
        default="json", description="csv and jsonl are files with all that match, whatever `limit` says."
    )

    def chosen(self) -> Chosen:
        """What the database is asked for."""
        return Chosen(
            action=self.action,
            actor_id=None if self.actor is None else int(self.actor),
            text=self.q,
            since=self.since.timestamp() if self.since else None,
            until=self.until.timestamp() if self.until else None,
        )


@audit.get("", responses={200: shapes.Page[people_shapes.AuditEntry]})
def list_entries(query: AuditQuery) -> Response:
    """List what people did, the newest first

    Entries are added and never changed. As a file it is sent while it is read, so it may be long.
    """
    if query.format != "json":
        return _file(query.format, query.chosen())
    before = place_of(query.cursor, "audit")
    return page(newest_first(query.chosen(), query.limit + 1, before), query.limit, "audit", entry)


def _file(form: Format, chosen: Chosen) -> Response:
    """Sent after the request's database connection was given back; each read takes one for itself."""
    headers = {"Content-Disposition": f'attachment; filename="medianest-audit.{form}"'}
    return Response(WRITERS[form](everything(chosen)), headers=headers, content_type=CONTENT_TYPES[form])


def _describe_files() -> None:
    """The model of the answer knows JSON alone."""
    text = MediaType.model_validate({"schema": {"type": "string"}})
    content: dict[str, Any] = audit.paths[audit.url_prefix].get.responses["200"].content
    content |= {"text/csv": text, "application/x-ndjson": text}


_describe_files()
