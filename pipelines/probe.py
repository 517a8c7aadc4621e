"""The `probe` kind: look whether everything MediaNest depends on can be reached, and how fast it answers."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from pipelines.kind import Context, Kind
from pipelines.services import SERVICES, ServiceName, look_at, note_look


class Params(BaseModel):
    """Which service to look at; all of them if none is named."""

    model_config = ConfigDict(extra="forbid")

    service: ServiceName | None = None


def run(context: Context, params: Params) -> dict[str, Any]:
    """Look at the services, store what was found and tell everyone; succeeds although one is down."""
    found: dict[str, Any] = {}
    names = SERVICES if params.service is None else (params.service,)
    for number, name in enumerate(names):
        context.progress(percent=100.0 * number / len(names), stage="looking", message=name)
        state, latency, message = look_at(name)
        note_look(name, state, latency, message)
        found[name] = {"state": state, "latency_ms": latency}
    return {"services": found}


KIND = Kind(name="probe", title="Check the services", params=Params, run=run, every=30.0, max_attempts=2)
