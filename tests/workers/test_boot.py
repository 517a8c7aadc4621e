"""What a process finds out before it does its work, and that it can be told to end meanwhile."""

import errno
from pathlib import Path

import pytest

from tests.house import process
from tests.private_server import free_port, wait_until
from workers import checks


@pytest.mark.parametrize("program", ["workers.worker", "workers.scheduler", "workers.supervisor"])
def test_sigterm_ends_a_process_that_waits_for_the_database(tmp_path: Path, program: str) -> None:
    env = {
        "MEDIANEST_DATA_DIR": str(tmp_path / "data"),
        "PORT": str(free_port()),
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none",
    }
    log = tmp_path / "log"
    with process(Path.cwd(), "-m", program, env=env, log=log) as started:
        wait_until(lambda: "waiting for the database" in log.read_text(), 20, "the wait")
        started.terminate()
        assert started.wait(4) == 0


def test_a_file_can_be_moved_within_a_file_system_and_nothing_is_left(tmp_path: Path) -> None:
    source, target = tmp_path / "staging", tmp_path / "media"
    source.mkdir()
    target.mkdir()
    assert checks._can_move(source, target)
    assert not list(source.iterdir()) and not list(target.iterdir())


def test_two_mounts_of_one_file_system_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> Path:
        raise OSError(errno.EXDEV, "what the kernel says between two mounts")

    monkeypatch.setattr(Path, "rename", refuse)
    assert not checks._can_move(tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_up_refuses_staging_on_another_file_system_and_an_impossible_data_directory(tmp_path: Path) -> None:
    elsewhere = {
        "MEDIANEST_STAGING_DIR": "/dev/shm/medianest-test",
        "MEDIANEST_DATA_DIR": str(tmp_path / "data"),
    }
    for env in (elsewhere, {"MEDIANEST_DATA_DIR": "/proc/nowhere"}):
        log = tmp_path / "log"
        with process(Path.cwd(), "-m", "workers.supervisor", env=env, log=log) as started:
            assert started.wait(20) == 2
        assert set(env) & set(log.read_text().replace(":", " ").split())
        assert "Traceback" not in log.read_text()
