"""Run one claimed job and write down how it ended. The only place that catches everything a pipeline raises."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from tenacity import retry, retry_if_exception_type, wait_exponential

from config.database import AWAY, Row, is_sqlite, now, together
from config.metrics import ATTEMPT_SECONDS, WAITED_SECONDS
from pipelines.errors import GiveUp, Held, LeaseLost, Snooze, Stop, TryAgain
from pipelines.jobs import family, state
from pipelines.jobs.context import Attempt
from pipelines.jobs.lease import Worker
from pipelines.jobs.retry import delay, describe_error
from pipelines.kind import STORED, Kind, Split

log = structlog.get_logger(__name__)

AFTER_OUTAGE = 5.0  # seconds until a job that met a missing database is tried again
MOMENT = 0.5  # seconds
UNKNOWN_PAUSE = 3600.0  # seconds until a job that this version does not understand is looked at again

_refuse_odd = json.JSONEncoder(allow_nan=False).encode

# The effect has happened, so the end is written as soon as the database is back, however long that takes; should
# another worker have taken the job meanwhile, the fence decides.
_insist = retry(retry=retry_if_exception_type(AWAY), wait=wait_exponential(multiplier=0.2, max=2.0))


def run(
    row: Row, kinds: Mapping[str, Kind], worker: Worker, claim_next: Callable[[], Row | None] = lambda: None
) -> Row | None:
    """Run the job of a claimed row to the end of this attempt, and see that the end is written down.

    Returns the next one if `claim_next` gave it; both are written together.
    """
    with structlog.contextvars.bound_contextvars(
        job_id=str(row["id"]), attempt=row["attempt"], kind=row["kind"], request_id=row["request_id"]
    ):
        began = time.monotonic()
        attempt = Attempt(row)
        worker.begin(attempt)
        try:
            end = _attempt(row, kinds.get(row["kind"]), attempt)
            kept, following = _write_down(end, claim_next)
        finally:
            worker.end(attempt)
        outcome = "lease lost" if kept is None else kept["state"]
        seconds = time.monotonic() - began
        _measure(row, outcome, seconds)
        log.info("attempt ended", state=outcome, seconds=round(seconds, 3))
    return following


def _write_down(
    end: Callable[[], Row | None], claim_next: Callable[[], Row | None]
) -> tuple[Row | None, Row | None]:
    kept, ended = None, False
    try:
        with together():
            kept, ended = end(), True
            return kept, claim_next()
    except AWAY:
        if not ended or is_sqlite():  # on PostgreSQL what was written before stays
            kept = _insist(end)()
        return kept, None
    except Exception:
        if ended and is_sqlite():  # a claim that broke took the end with it
            _insist(end)()
        raise


def _measure(row: Row, outcome: str, seconds: float) -> None:
    kind = row["kind"]
    ATTEMPT_SECONDS.labels(kind, outcome).observe(seconds)
    if row["attempt"] == 1:
        WAITED_SECONDS.labels(kind).observe(
            row["started_at"] - max(row["created_at"], row["scheduled_at"] or 0.0)
        )


def _attempt(row: Row, kind: Kind | None, attempt: Attempt) -> Callable[[], Row | None]:
    """Run the pipeline; what has to be written about its end."""
    key = (attempt.job_id, attempt.attempt)
    try:
        result = _run_pipeline(row, kind, attempt)
    except Snooze as signal:
        nap = signal
        return lambda: state.snooze(*key, nap.reason, nap.message, now() + nap.after, nap.after)
    except Held as signal:
        held = signal
        return lambda: state.hold(*key, held.reason, held.message)
    except TryAgain as error:
        return _after_failure(error, row, attempt)
    except GiveUp as error:
        final = error
        return lambda: state.fail(*key, describe_error(final))
    except LeaseLost:
        return lambda: None
    except Stop:
        return lambda: state.release(*key)
    except AWAY:  # the job is not to blame
        log.warning("the database was away", exc_info=True)
        pause = AFTER_OUTAGE
        return lambda: state.snooze(*key, "service", "The database was away.", now() + pause, pause)
    except Exception:
        log.exception("the pipeline broke")
        text = "Something went wrong inside MediaNest."
        return _after_failure(TryAgain("internal", text, advice="The worker's log says more."), row, attempt)
    if isinstance(result, Split):
        assert kind is not None  # it returned the parts
        parts, parent = result, kind
        return lambda: family.split(row, parent, parts)
    return lambda: state.succeed(*key, result, attempt.completed())


def _run_pipeline(row: Row, kind: Kind | None, attempt: Attempt) -> dict[str, Any] | Split:
    attempt.check()
    if kind is None:
        raise Snooze("held", "This version of MediaNest does not know this kind of job.", UNKNOWN_PAUSE)
    try:
        params = kind.params.model_validate_json(row["params"], context=STORED)
    except ValidationError:
        raise Snooze(
            "held", "This version of MediaNest does not understand this job.", UNKNOWN_PAUSE
        ) from None
    result = kind.run(attempt, params)
    stored = [result.params, result.result] if isinstance(result, Split) else result
    _refuse_odd(stored)  # what cannot be stored fails here, where that is a failure
    return result


def _after_failure(error: TryAgain, row: Row, attempt: Attempt) -> Callable[[], Row | None]:
    key = (attempt.job_id, attempt.attempt)
    if attempt.stops_within(
        MOMENT
    ):  # a shutdown that reached what the pipeline had started before it reached us
        return lambda: state.release(*key)
    failures = attempt.failures + 1
    if failures >= row["max_attempts"]:
        return lambda: state.fail(*key, describe_error(error))
    after = delay(error, failures)
    return lambda: state.retry_later(*key, describe_error(error, after), after)
