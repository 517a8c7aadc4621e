"""Old jobs are forgotten with their history, whatever is not over stays."""

import pytest

from config.database import change
from config.settings import settings
from pipelines.jobs import prune, state
from pipelines.models import job
from tests.conftest import forget_settings
from tests.pipelines.jobs.sample import queued

pytestmark = pytest.mark.usefixtures("home")


def aged(days: float, end: bool = True) -> int:
    row = queued()
    if end:
        state.cancel(row["id"])
    seconds = days * prune.DAY
    change(
        "UPDATE job SET created_at = NOW - %s, finished_at = CASE WHEN finished_at IS NOT NULL THEN NOW - %s END"
        " WHERE id = %s",
        *(seconds + 60, seconds, row["id"]),
    )
    return int(row["id"])


def test_people_s_jobs_are_kept_for_ninety_days() -> None:
    old, young, open_one = aged(91), aged(89), aged(91, end=False)
    prune.prune()
    assert job.find(old) is None and job.history(old, limit=9) == []
    assert job.find(young) and job.find(open_one)


def test_zero_days_keep_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_KEEP_JOBS_DAYS", "0")
    forget_settings()
    assert settings().keep_jobs_days == 0
    old = aged(1000)
    prune.prune()
    assert job.find(old)


def test_more_than_one_step_is_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "AT_ONCE", 3)
    old = [aged(100) for _ in range(8)]
    kept = aged(100, end=False)
    prune.prune()
    assert [each for each in (*old, kept) if job.find(each)] == [kept]
