"""Partial files stay as long as somebody may need them, and nothing but ours is removed."""

import fcntl
from pathlib import Path
from typing import Any

import pytest

from pipelines.download import leftovers
from pipelines.integrations.ytdlp import staging


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_what_a_job_holds_in_staging_is_the_sum_of_its_attempts(tmp_path: Path) -> None:
    write(tmp_path / "17-0a1b2c3d" / "media.mp4.part", "1234")
    write(tmp_path / "17-0a1b2c3d.2" / "media.mp4.part", "56")
    write(tmp_path / "170-0a1b2c3d" / "media.mp4.part", "another job's")
    assert leftovers.held_by(tmp_path, 17) == 6
    assert leftovers.held_by(tmp_path / "nowhere", 17) == 0


def test_a_folder_that_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    film = write(tmp_path / "2024" / "film.mp4", "x")
    leftovers.discard(film.parent)
    leftovers.discard(write(tmp_path / "17", "a file"))
    assert film.exists() and [file.name for file in film.parent.iterdir()] == ["film.mp4"]


def test_a_staging_folder_is_removed_once_nobody_works_in_it(tmp_path: Path) -> None:
    place = staging.take(tmp_path, "17", 1, lambda: None)
    leftovers.discard(place.directory)
    assert place.directory.exists()
    place.let_go()
    leftovers.discard(place.directory)
    assert not place.directory.exists()


def test_a_folder_that_is_removed_while_it_is_taken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging.take(tmp_path, "17", 1, lambda: None).let_go()
    flock, removals = fcntl.flock, [tmp_path / "17"]

    def remove_first(lock: Any, operation: int) -> None:
        if removals:
            leftovers.discard(removals.pop())
        flock(lock, operation)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    place = staging.take(tmp_path, "17", 2, lambda: None)
    assert place.directory == tmp_path / "17" and (place.directory / ".lock").exists()
    place.let_go()


@pytest.mark.parametrize(
    ("name", "job"),
    [("17-0a1b2c3d", 17), ("17-0a1b2c3d.2", 17), ("17", None), ("2024", None), ("²", None), (".cache", None)],
)
def test_the_job_of_a_staging_folder_is_in_its_name(name: str, job: int | None) -> None:
    assert leftovers.job_of(Path("staging", name)) == job
