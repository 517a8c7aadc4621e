"""However a pipeline ends, its job knows why and what comes next."""

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from peewee import OperationalError

from config.database import Row, change, is_sqlite, now
from pipelines.errors import GiveUp, Snooze, TryAgain
from pipelines.jobs import runner, state
from pipelines.jobs.claim import claim
from pipelines.jobs.lease import Worker
from pipelines.kind import Context
from pipelines.models import job
from tests.pipelines.jobs.sample import ECHO, queued

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(["echo"], 1)
    yield worker
    worker.leave()


def run_with(worker: Worker, body: Callable[[Context, Any], dict[str, Any]], **declared: Any) -> Row:
    kind = dataclasses.replace(ECHO, run=body, **declared)
    row = claim("echo", worker.id) or (queued(kind=kind) and claim("echo", worker.id))
    assert row
    runner.run(row, {"echo": kind}, worker)
    found = job.find(row["id"])
    assert found is not None
    return found


def raising(error: BaseException) -> Callable[[Context, Any], dict[str, Any]]:
    def body(_context: Context, _params: Any) -> dict[str, Any]:
        raise error

    return body


def test_a_pipeline_that_returns_has_succeeded(worker: Worker) -> None:
    row = run_with(worker, lambda context, params: {"attempt": context.attempt})
    assert (row["state"], json.loads(row["result"]), row["worker_id"]) == ("succeeded", {"attempt": 1}, None)
    assert json.loads(row["progress"])["percent"] == 100


@pytest.mark.parametrize("error", [OperationalError("gone"), RuntimeError("a bug")])
def test_a_claim_that_breaks_takes_no_end_with_it(worker: Worker, error: Exception) -> None:
    def claim_next() -> Row | None:
        claim("echo", worker.id)
        raise error

    first, second = queued(params={"n": 1}), queued(params={"n": 2})
    row = claim("echo", worker.id)
    assert row is not None and row["id"] == first["id"]
    try:
        assert runner.run(row, {"echo": ECHO}, worker, claim_next) is None
    except RuntimeError:
        assert isinstance(error, RuntimeError)
    found = job.find(first["id"])
    assert found is not None and (found["state"], found["attempt"]) == ("succeeded", 1)
    following = job.find(second["id"])
    assert following is not None and following["state"] == ("queued" if is_sqlite() else "running")


def test_try_again_costs_a_failure_and_says_when(worker: Worker) -> None:
    row = run_with(worker, raising(TryAgain("network", "No answer.", advice="Wait.", after=30.0)))
    assert (row["state"], row["failures"]) == ("scheduled", 1)
    assert 25 < row["scheduled_at"] - now() <= 30
    assert (json.loads(row["waiting"])["reason"], json.loads(row["error"])["code"]) == ("retry", "network")


def test_the_last_failure_is_final(worker: Worker) -> None:
    queued(kind=dataclasses.replace(ECHO, max_attempts=2))
    body = raising(TryAgain("network", "No answer."))
    assert run_with(worker, body)["state"] == "scheduled"
    change("UPDATE job SET state = 'queued'")
    row = run_with(worker, body)
    assert (row["state"], row["failures"], row["attempt"]) == ("failed", 2, 2)
    assert row["finished_at"] is not None


def test_give_up_ends_the_job_at_once(worker: Worker) -> None:
    row = run_with(worker, raising(GiveUp("not_found", "It is gone.")))
    assert (row["state"], row["failures"]) == ("failed", 1)


def test_a_snooze_costs_nothing(worker: Worker) -> None:
    row = run_with(worker, raising(Snooze("service", "Plex is away.", 60.0)))
    assert (row["state"], row["failures"], row["error"]) == ("scheduled", 0, None)
    assert json.loads(row["waiting"])["reason"] == "service"


def test_a_bug_is_a_failed_attempt_that_tells_no_inside(worker: Worker) -> None:
    row = run_with(worker, raising(RuntimeError("/secret/path")))
    assert (row["state"], row["failures"]) == ("scheduled", 1)
    assert "secret" not in row["error"] and '"internal"' in row["error"]


def test_a_database_that_was_away_costs_no_failure(worker: Worker) -> None:
    row = run_with(worker, raising(OperationalError("gone")))
    assert (row["state"], row["failures"], row["error"]) == ("scheduled", 0, None)


@pytest.mark.parametrize("result", [{"path": object()}, {"rate": float("inf")}])
def test_a_result_that_cannot_be_stored_is_a_failed_attempt(worker: Worker, result: dict[str, Any]) -> None:
    row = run_with(worker, lambda _context, _params: result)
    assert (row["state"], row["failures"]) == ("scheduled", 1)


def test_the_end_is_written_however_long_the_database_is_away(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: clock.append(clock[-1] + seconds))
    monkeypatch.setattr("tenacity.time.monotonic", lambda: clock[-1])
    succeed = state.succeed

    def away_for_five_minutes(*what: Any) -> Row | None:
        if clock[-1] < 300:
            raise OperationalError("gone")
        return succeed(*what)

    monkeypatch.setattr(state, "succeed", away_for_five_minutes)
    assert run_with(worker, lambda _context, _params: {})["state"] == "succeeded"


def test_an_unknown_kind_is_held_not_lost(worker: Worker) -> None:
    queued()
    row = claim("echo", worker.id)
    assert row is not None
    runner.run(row, {}, worker)
    after = job.find(row["id"])
    assert after is not None
    assert (after["state"], after["failures"]) == ("scheduled", 0)
    assert json.loads(after["waiting"])["reason"] == "held"


@pytest.mark.parametrize(("wish", "end"), [(state.cancel, "cancelled"), (state.pause, "paused")])
def test_a_wish_reaches_a_waiting_pipeline(worker: Worker, wish: Any, end: str) -> None:
    begun = threading.Event()

    def body(context: Context, _params: Any) -> dict[str, Any]:
        begun.set()
        context.wait(60)
        return {}

    row = queued()
    thread = threading.Thread(target=lambda: run_with(worker, body))
    thread.start()
    assert begun.wait(5)
    wish(row["id"])
    thread.join(3)
    assert not thread.is_alive()
    assert job.find(row["id"])["state"] == end  # type: ignore[index]


def test_a_failure_that_a_shutdown_caused_is_none(worker: Worker) -> None:
    def body(_context: Context, _params: Any) -> dict[str, Any]:
        threading.Timer(0.1, worker.drain).start()
        raise TryAgain("network", "The process that fetched was ended.")

    row = run_with(worker, body)
    assert (row["state"], row["failures"]) == ("queued", 0)


def test_a_drain_requeues_without_a_failure_and_keeps_the_checkpoint(worker: Worker) -> None:
    def body(context: Context, _params: Any) -> dict[str, Any]:
        context.save(done=3)
        threading.Thread(target=worker.drain).start()
        context.wait(60)
        return {}

    row = run_with(worker, body)
    assert (row["state"], row["failures"], json.loads(row["checkpoint"])) == ("queued", 0, {"done": 3})


def test_a_lost_lease_stops_the_pipeline_and_its_end_is_ignored(worker: Worker) -> None:
    def body(context: Context, _params: Any) -> dict[str, Any]:
        state.release(context.job_id, context.attempt)
        context.save(x=1)
        raise AssertionError("must not get here")

    row = run_with(worker, body)
    assert (row["state"], row["attempt"], row["failures"]) == ("queued", 1, 0)


def test_progress_never_goes_back(worker: Worker) -> None:
    seen: list[float] = []

    def body(context: Context, _params: Any) -> dict[str, Any]:
        for percent, stage in ((10, "a"), (50, "b"), (20, "c")):
            context.progress(percent=percent, stage=stage)
            seen.append(json.loads(job.find(context.job_id)["progress"])["percent"])  # type: ignore[index]
        return {}

    run_with(worker, body)
    assert seen == [10.0, 50.0, 50.0]


def test_progress_is_written_at_most_four_times_a_second(worker: Worker) -> None:
    def body(context: Context, _params: Any) -> dict[str, Any]:
        for percent in range(100):
            context.progress(percent=percent, stage="same")
        return {}

    row = run_with(worker, body)
    assert row["revision"] <= 5
