from typing import Any

from pipelines.integrations.ytdlp.messages import Moved
from pipelines.integrations.ytdlp.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def follow(info: dict[str, Any], hooks: list[dict[str, Any]], step: float = 1.0) -> list[Moved]:
    """What is sent for these hooks, one each `step` seconds."""
    sent: list[Moved] = []
    clock = Clock()
    progress = Progress(sent.append, clock)
    progress.expect(info)
    for hook in hooks:
        clock.now += step
        progress.downloading({"filename": "a", "status": "downloading", **hook})
    return sent


def test_thousands_of_hooks_become_four_reports_a_second() -> None:
    hooks = [{"downloaded_bytes": n, "total_bytes": 2000} for n in range(2000)]
    assert len(follow({}, hooks, step=0.001)) <= 9


def test_two_streams_share_one_bar_by_their_size() -> None:
    hooks = [
        {"downloaded_bytes": 900, "total_bytes": 900, "status": "finished"},
        {"downloaded_bytes": 50, "total_bytes": 100, "filename": "b"},
    ]
    last = follow({"requested_formats": [{"filesize": 900}, {"filesize": 100}]}, hooks)[-1]
    assert (last.percent, last.done, last.total) == (94.05, 950, 1000)


def test_streams_of_unknown_size_count_the_same() -> None:
    hooks = [{"downloaded_bytes": 9, "status": "finished"}]
    last = follow({"requested_formats": [{}, {}]}, hooks)[-1]
    assert (last.percent, last.total) == (49.5, None)


def test_percent_never_goes_back() -> None:
    hooks = [{"downloaded_bytes": n, "total_bytes": 100} for n in (10, 60, 0, 20, 70)]
    percents = [moved.percent or 0.0 for moved in follow({}, hooks)]
    assert percents == sorted(percents)


def test_fragments_count_rather_than_guessed_sizes() -> None:
    hook = {"downloaded_bytes": 5, "total_bytes_estimate": 6, "fragment_index": 2, "fragment_count": 8}
    assert follow({}, [hook])[-1].percent == 24.75


def test_the_time_left_follows_from_what_is_left() -> None:
    hooks = [{"downloaded_bytes": n, "total_bytes": 100, "speed": 5.0} for n in (10, 40)]
    last = follow({}, hooks)[-1]
    assert (last.rate, last.eta_seconds) == (5.0, 12.0)
