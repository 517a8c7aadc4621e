"""A secret in a file: readable by its owner alone, there at every moment, replaced by one at a time."""

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.key_file import AnotherRotation, earlier, read_or_create, rotation


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: read_or_create(path), range(8)))) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_a_rotation_keeps_the_one_before_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = read_or_create(path)
    with rotation(path):
        second = read_or_create(path)
        assert second != first and earlier(path) == [first]
        assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert (read_or_create(path), earlier(path)) == (second, [])
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_a_rotation_that_fails_forgets_nothing_and_the_next_one_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    first = read_or_create(path)
    with pytest.raises(RuntimeError), rotation(path):
        second = read_or_create(path)
        raise RuntimeError
    with rotation(path):
        assert earlier(path) == [first, second]
    assert earlier(path) == []


def test_of_two_rotations_at_once_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with rotation(path):
        present = read_or_create(path)
        with pytest.raises(AnotherRotation), rotation(path):
            pass
        assert read_or_create(path) == present


def test_whoever_reads_meanwhile_always_finds_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    seen = {read_or_create(path)}
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.add(read_or_create(path))

    reader = threading.Thread(target=look)
    reader.start()
    made = [read_or_create(path)]
    for _ in range(50):
        with rotation(path):
            made.append(read_or_create(path))
    over.set()
    reader.join()
    assert seen <= set(made)


def test_it_stays_with_the_account_that_had_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    read_or_create(path)
    owner = os.geteuid() or 1234  # only root can give it away
    os.chown(path, owner, -1)
    with rotation(path):
        assert {file.stat().st_uid for file in tmp_path.iterdir()} == {owner}
    assert path.stat().st_uid == owner
