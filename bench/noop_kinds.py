"""Kinds that do nothing, so that only the machinery is measured; registered in a copy of the house."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from pipelines.kind import Context, Kind, Limits


class Nothing(BaseModel):
    """What to ignore."""

    model_config = ConfigDict(extra="forbid")

    host: str = ""


def do_nothing(context: Context, params: Nothing) -> dict[str, Any]:
    """Succeed at once."""
    return {}


FREE = Kind(name="noop", title="Nothing", params=Nothing, run=do_nothing)
LIMITED = Kind(
    name="noop_limited",
    title="Nothing, within limits",
    params=Nothing,
    run=do_nothing,
    limits=lambda: Limits(per_user=2, per_host=2),
    host=lambda params: str(params["host"]),
)
KINDS = (FREE, LIMITED)
