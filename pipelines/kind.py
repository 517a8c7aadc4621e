"""What a kind declares, and what its pipeline sees of the job it runs.

A kind is one value in one file; the API, the form, the queue, retries, the feed and the command
line follow from it. Adding one touches its file and one line of `registry.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

Role = Literal["user", "admin", "system"]


class Context(Protocol):
    """A pipeline's view of its job: report, remember, notice that it should stop.

    Each call raises a signal of `errors.Stop` when the job was cancelled or paused, the worker
    drains, or the lease is lost.
    """

    job_id: int
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


Run = Callable[[Context, Any], dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """What a job of this name does.

    `params` is a pydantic model with `extra="forbid"`; `run` gets the context and an instance of it
    and returns the job's result. `every` (seconds) makes the system submit one without owner
    each so often. `tidy` is called about once a minute in each worker that serves the queue: it
    removes what ended jobs left behind.
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

    def __post_init__(self) -> None:
        if not self.queue:
            object.__setattr__(self, "queue", self.name)
