"""What a job looks like in a terminal, in a log and for a program."""

import json
from typing import Any

import pytest

from app.cli import show, words
from pipelines.jobs.family import ALL_FAILED

JOB: dict[str, Any] = {
    "id": "12",
    "kind": "download",
    "queue": "download",
    "state": "running",
    "owner": {"id": "1", "name": "anna"},
    "params": {"url": "https://x.test/v.mp4", "mode": "video"},
    "priority": 4,
    "progress": {
        "percent": 47.9,
        "stage": "downloading",
        "message": "",
        "done": 12_300_000,
        "total": 26_000_000,
        "unit": "bytes",
        "rate": 2_100_000,
        "eta_seconds": 7,
    },
    "attempt": 1,
    "failures": 0,
    "max_attempts": 5,
    "revision": 3,
    "result": None,
    "waiting": None,
    "error": None,
    "parent_id": None,
    "created_at": "2026-11-20T12:00:00.000Z",
    "scheduled_at": None,
    "started_at": "2026-11-20T12:00:01.000Z",
    "finished_at": None,
}
NOTHING = dict.fromkeys(JOB["progress"], None) | {"stage": "", "message": ""}


def job(**changes: Any) -> dict[str, Any]:
    progress = {**JOB["progress"], **changes.pop("progress", {})}
    return {**JOB, "progress": progress, **changes}


def test_the_bar_shows_percent_amount_speed_time_left_and_stage() -> None:
    line = show.bar_line(job(), width=100)
    assert line.startswith("download   47 %  █████")
    assert line.endswith("░░  12.3 MB of 26.0 MB  2.1 MB/s  7 s left  downloading")


SPLIT = {
    "result": {"title": "All of it", "counts": {"total": 3, "succeeded": 1, "failed": 1, "cancelled": 0}},
    "progress": NOTHING | {"percent": 66.7, "stage": "children", "done": 2, "total": 3, "unit": "jobs"},
}


def test_a_playlist_shows_how_its_entries_are() -> None:
    line = show.bar_line(job(**SPLIT), width=100)
    assert line.startswith("download   66 %  ███") and line.endswith("░  1 of 3 entries done, 1 failed")
    ended = job(**SPLIT, state="failed", error=ALL_FAILED)
    assert show.verdict(ended).splitlines()[1:3] == [
        "  1 of 3 entries done, 1 failed",
        "  All parts of this job failed.",
    ]


@pytest.mark.parametrize("width", range(20, 140, 7))
def test_the_bar_keeps_to_the_terminal(width: int) -> None:
    assert len(show.bar_line(job(), width=width)) <= width
    assert len(show.bar_line(job(state="queued"), width=width)) <= width


def test_a_narrow_terminal_keeps_percent_and_bar() -> None:
    assert show.bar_line(job(), width=30) == "download   47 %  ███░░░░░"


def test_a_terminal_without_blocks_gets_letters() -> None:
    assert show.bar_line(job(), width=30, blocks=False) == "download   47 %  ###....."


def test_one_hundred_percent_is_only_the_end() -> None:
    assert "99 %" in show.bar_line(job(progress={"percent": 99.99}), width=100)


def test_a_job_of_unknown_length_shows_what_is_known() -> None:
    line = show.bar_line(job(progress={"percent": None, "total": None, "eta_seconds": None}), width=100)
    assert line == "download  running  12.3 MB  2.1 MB/s  downloading"


def test_a_waiting_job_says_why_and_how_long() -> None:
    error = {"code": "stalled", "message": "The site stopped sending.", "advice": "", "retry_at": None}
    later = "2999-01-01T00:00:00.000Z"
    waiting = {"reason": "retry", "message": "", "until": later}
    line = show.bar_line(job(state="scheduled", progress=NOTHING, error=error, waiting=waiting), width=200)
    assert line.startswith("download  scheduled  The site stopped sending, waits: retry, again in ")


def test_a_second_attempt_is_said() -> None:
    assert show.bar_line(job(attempt=2), width=120).endswith("attempt 2")


def test_titles_cannot_steer_the_terminal() -> None:
    line = show.bar_line(job(progress={"message": "\x1b[2J\rgone\n"}), width=200)
    assert line.isprintable()


def test_a_log_gets_a_line_per_state_stage_and_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show.Lines()
    lines.update(job(state="queued", progress=NOTHING))
    for percent in range(101):
        lines.update(job(progress={"percent": percent}))
    lines.update(job(progress={"percent": 100, "stage": "checking"}))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1 + 11 + 1
    assert printed[0] == "job 12  queued"
    assert printed[-1].endswith("checking")


def test_a_log_says_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show.Lines()
    for _ in range(3):
        lines.update(job())
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_program_gets_each_revision_once_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    lines = show.JsonLines()
    for revision in (3, 3, 4):
        lines.update(job(revision=revision))
    ended = job(revision=5, state="succeeded")
    lines.end(ended)
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["revision"] for each in printed] == [3, 4, 5]
    assert printed[-1] == ended


def test_a_success_shows_its_result() -> None:
    result = {
        "title": "A film",
        "duration": None,
        "files": [{"path": "A film.mp4", "bytes": 2_000_000, "sha256": "ab"}],
    }
    ended = job(state="succeeded", result=result, finished_at="2026-11-20T12:00:03.500Z")
    assert show.verdict(ended).splitlines() == [
        "job 12 succeeded in 2.5 s",
        "  title: A film",
        "  duration: -",
        "  files:",
        "    - path A film.mp4, bytes 2.0 MB, sha256 ab",
    ]


def test_a_failure_shows_reason_advice_and_code() -> None:
    error = {
        "code": "not_found",
        "message": "The video is gone.",
        "advice": "Look for another.",
        "retry_at": None,
    }
    assert show.verdict(job(state="failed", error=error, failures=1)).splitlines() == [
        "job 12 failed",
        "  The video is gone.",
        "  Look for another.",
        "  (not_found, failed tries: 1 of at most 5)",
    ]


def test_a_table_is_aligned() -> None:
    system = job(id="7", kind="probe", state="succeeded", owner=None, params={"service": None})
    head, first, second = show.job_table([job(), system]).splitlines()
    assert head.split() == ["ID", "KIND", "STATE", "DONE", "OWNER", "CREATED", "ABOUT"]
    assert first.index("running") == second.index("succeeded") == head.index("STATE")
    assert first.endswith("https://x.test/v.mp4")


def test_one_job_is_told_in_full() -> None:
    error = {"code": "stalled", "message": "It stopped.", "advice": "Wait.", "retry_at": None}
    text = show.one_job(job(error=error))
    for part in ("anna", "47 %", "It stopped.", "stalled", "https://x.test/v.mp4"):
        assert part in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0 s"),
        (59.4, "59 s"),
        (75, "1 min 15 s"),
        (700, "11 min"),
        (4000, "1 h 06 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_durations_are_told_as_people_do(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (999_999, "1.0 MB")],
)
def test_sizes_are_told_in_the_units_of_disks(count: int, said: str) -> None:
    assert words.size(count) == said
