"""The way into the library overwrites nothing, and only our own staging folders are ever removed."""

import errno
import fcntl
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines.download import library
from pipelines.integrations.ytdlp import staging


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refuse_links(*_: Any) -> None:
    raise PermissionError(errno.EPERM, "no hard links here")


@pytest.mark.parametrize("links", [True, False])
def test_a_published_file_never_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", refuse_links)
    for number in range(3):
        library.publish(
            write(tmp_path / "staging" / "media.mp4", str(number)), tmp_path / "media", "Film.mp4"
        )
    found = {file.name: file.read_text() for file in (tmp_path / "media").iterdir()}
    assert found == {"Film.mp4": "0", "Film (2).mp4": "1", "Film (3).mp4": "2"}


def test_two_of_one_name_at_the_same_moment_are_both_kept_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse_links)
    rename, together = os.rename, threading.Barrier(2)

    def rename_together(source: Path, target: Path) -> None:
        together.wait(5)
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_together)
    sources = [write(tmp_path / str(number) / "media.mp4", str(number)) for number in range(2)]
    threads = [
        threading.Thread(target=library.publish, args=(source, tmp_path / "media", "Film.mp4"))
        for source in sources
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(file.read_text() for file in (tmp_path / "media").iterdir()) == ["0", "1"]


def test_a_folder_that_is_not_ours_is_never_removed(tmp_path: Path) -> None:
    film = write(tmp_path / "2024" / "film.mp4", "x")
    library.discard(film.parent)
    library.discard(write(tmp_path / "17", "a file"))
    assert film.exists() and [file.name for file in film.parent.iterdir()] == ["film.mp4"]


def test_a_staging_folder_is_removed_once_nobody_works_in_it(tmp_path: Path) -> None:
    place = staging.take(tmp_path, "17", 1, lambda: None)
    library.discard(place.directory)
    assert place.directory.exists()
    place.let_go()
    library.discard(place.directory)
    assert not place.directory.exists()


def test_a_folder_that_is_removed_while_it_is_taken_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging.take(tmp_path, "17", 1, lambda: None).let_go()
    flock, removals = fcntl.flock, [tmp_path / "17"]

    def remove_first(lock: Any, operation: int) -> None:
        if removals:
            library.discard(removals.pop())
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
    assert library.job_of(Path("staging", name)) == job
