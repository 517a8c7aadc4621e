"""What a pipeline raises: two errors decide the reaction, four signals end a run that is not over.

`TryAgain` costs one failure and comes back later; `GiveUp` ends the job for good. `Snooze` waits for
something outside until a time, `Held` until it is gone; both cost nothing. The signals derive from
BaseException, so that no pipeline swallows them with `except Exception`.
"""

from typing import Literal

Category = Literal["permanent", "auth", "rate", "temporary", "local"]


class JobError(Exception):
    """A failed attempt, with what its owner is told.

    `code` is a stable word of the contract, `message` is plain and holds no path, secret or body of
    another service, `advice` says what to do about it.
    """

    category: Category = "temporary"

    def __init__(
        self, code: str, message: str, *, advice: str = "", category: Category | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice
        if category is not None:
            self.category = category


class TryAgain(JobError):
    """This attempt failed, another may not; `after` (seconds) is a wish of the other side, `host` who said it."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        advice: str = "",
        category: Category | None = None,
        after: float | None = None,
        host: str = "",
    ) -> None:
        super().__init__(code, message, advice=advice, category=category)
        self.after = after
        self.host = host


class GiveUp(JobError):
    """No later attempt would do better."""

    category: Category = "permanent"


WaitReason = Literal["retry", "service", "host", "disk", "limit", "queue_paused", "held"]


class Snooze(Exception):
    """Not now: wait `after` seconds for `reason`. Costs no failure."""

    def __init__(self, reason: WaitReason, message: str, after: float) -> None:
        super().__init__(message)
        self.reason: WaitReason = reason
        self.message = message
        self.after = after


class Held(Exception):
    """Not now: back to the queue until `Kind.held` says nothing any more. Costs no failure."""

    def __init__(self, reason: WaitReason, message: str) -> None:
        super().__init__(message)
        self.reason: WaitReason = reason
        self.message = message


class Stop(BaseException):
    """Base of the signals that end a run from outside; let them pass."""


class Cancelled(Stop):
    """Someone cancelled the job."""


class Paused(Stop):
    """Someone paused the job; what is done so far is kept."""


class Drained(Stop):
    """The worker shuts down; the job goes back to its queue."""


class LeaseLost(Stop):
    """Another attempt owns the job now: touch nothing."""
