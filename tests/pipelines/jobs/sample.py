"""Kinds that only tests know, and short ways to submit them."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from config.database import Row
from pipelines.jobs.submit import Submission, submit
from pipelines.kind import Context, Kind


class Anything(BaseModel):
    """Parameters that are not checked."""

    model_config = ConfigDict(extra="allow")


def return_params(_context: Context, params: Anything) -> dict[str, Any]:
    """The simplest pipeline."""
    return params.model_dump()


ECHO = Kind(name="echo", title="Return the parameters", params=Anything, run=return_params, max_attempts=3)


def queued(owner: int = 1, kind: Kind = ECHO, params: dict[str, Any] | None = None, **wishes: Any) -> Row:
    """A new job of `owner`."""
    return submit(Submission(kind=kind, params=params or {}, owner_id=owner, **wishes))[0]
