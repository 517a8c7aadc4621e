"""When a failed attempt is tried again: exponential back-off with full jitter, or when the other side says."""

import random

from config.database import now
from pipelines.errors import JobError, TryAgain

BASE_SECONDS = 4.0
LONGEST_SECONDS = 900.0
LONGEST_WISH = 24 * 3600.0  # of another side's Retry-After


def backoff(failures: int) -> float:
    """Seconds until the next attempt after `failures` failed ones (at least 1): random, so that jobs spread."""
    ceiling = min(LONGEST_SECONDS, BASE_SECONDS * 2 ** min(failures - 1, 20))
    return 1.0 + random.uniform(0.0, ceiling - 1.0)


def delay(error: TryAgain, failures: int) -> float:
    """Seconds until the next attempt; a wish of the other side is kept."""
    if error.after is not None:
        return min(max(error.after, 1.0), LONGEST_WISH)
    return backoff(failures)


def describe_error(error: JobError, retry_in: float | None = None) -> dict[str, object]:
    """The `error` member of a job; `retry_at` in seconds since 1970."""
    return {
        "code": error.code,
        "category": error.category,
        "message": error.message,
        "advice": error.advice,
        "retry_at": None if retry_in is None else now() + retry_in,
    }
