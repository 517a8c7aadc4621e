"""What a kind declares, and what its pipeline sees of the job it runs.

A kind is one value in one file; the API, the form, the queue, retries, the feed and the command
line follow from it. Adding one touches its file and one line of `registry.py`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from pipelines.errors import WaitReason

Role = Literal["user", "admin", "system"]


class Context(Protocol):
    """A pipeline's view of its job: report, remember, notice that it should stop.

    Each call raises a signal of `errors.Stop` when the job was cancelled or paused, the worker
    drains, or the lease is lost.
    """

    job_id: int
    owner_id: int
    parent_id: int | None
    attempt: int
    checkpoint: dict[str, Any]

    def progress(
        self,
        *,
        percent: float | None = None,
        stage: str = "",
        message: str = "",
        done: int | None = None,
        total: int | None = None,
        unit: str | None = None,
        rate: float | None = None,
        eta_seconds: float | None = None,
    ) -> None:
        """Report where the job stands (percent 0-100, rate in `unit` a second); written and sent at
        most four times a second, a new stage at once."""

    def save(self, **checkpoint: Any) -> None:
        """Store small JSON values that the next attempt finds in `checkpoint`."""

    def check(self) -> None:
        """Do nothing but raise if the job should stop."""

    def wait(self, seconds: float) -> None:
        """Sleep, but raise at once if the job should stop."""


@dataclass(frozen=True)
class Limits:
    """How many jobs of a queue may run at once, over all workers; None is no limit."""

    per_user: int | None = None
    per_host: int | None = None


@dataclass(frozen=True)
class Split:
    """What `run` returns to hand its work to children: jobs of the same kind, one for each of `params`.

    The job then runs without a worker until they have ended; `result` is what it knows by itself.
    """

    params: list[dict[str, Any]]
    result: dict[str, Any] = field(default_factory=dict)


# The context of pydantic's validation of params that were accepted before: what may be asked for has changed perhaps.
STORED = {"stored": True}

Run = Callable[[Context, Any], "dict[str, Any] | Split"]


@dataclass(frozen=True)
class Kind:
    """What a job of this name does.

    `params` is a pydantic model with `extra="forbid"`; `run` gets the context and an instance of it
    and returns the job's result. `every` (seconds) makes the system submit one without owner
    each so often. `tidy` is called about once a minute in each worker that serves the queue: it
    removes what ended jobs left behind. `held` says why none of this kind can begin on this machine now, and in words.

    `hourly` says how many of this kind a user may submit in an hour (0 or None: any number),
    `limits` how many may run at once in its queue. `host` and `unique` read a job's (validated, JSON)
    params: the host that `limits` count by, and a key of which one job at a time may be live.
    """

    name: str
    title: str
    params: type[BaseModel]
    run: Run = field(repr=False)
    queue: str = ""
    max_attempts: int = 5
    submit_role: Role = "user"
    every: float | None = None
    tidy: Callable[[], None] | None = field(default=None, repr=False)
    held: Callable[[], tuple[WaitReason, str] | None] = field(default=lambda: None, repr=False)
    hourly: Callable[[], int | None] = field(default=lambda: None, repr=False)
    limits: Callable[[], Limits] = field(default=Limits, repr=False)
    host: Callable[[dict[str, Any]], str] = field(default=lambda params: "", repr=False)
    unique: Callable[[dict[str, Any]], str | None] = field(default=lambda params: None, repr=False)

    def __post_init__(self) -> None:
        if not self.queue:
            object.__setattr__(self, "queue", self.name)


def limits_of(queue: str, kinds: Iterable[Kind]) -> Limits:
    """What holds for a queue: the tightest of its kinds' limits."""
    found = [kind.limits() for kind in kinds if kind.queue == queue]
    return Limits(
        per_user=min((each.per_user for each in found if each.per_user is not None), default=None),
        per_host=min((each.per_host for each in found if each.per_host is not None), default=None),
    )
