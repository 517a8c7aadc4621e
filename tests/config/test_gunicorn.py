"""What gunicorn makes of the settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def effective(tmp_path: Path, **environment: str) -> dict[str, str]:
    """gunicorn's own print-out of its configuration."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "python:config.gunicorn",
            "--print-config",
            "wsgiref.simple_server:demo_app",
        ],
        env={"PATH": os.environ["PATH"], "MEDIANEST_DATA_DIR": str(tmp_path), **environment},
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    pairs = (line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def test_sqlite_gets_one_worker_and_loopback(tmp_path: Path) -> None:
    config = effective(tmp_path)
    assert config["bind"] == "['127.0.0.1:8000']"
    assert config["workers"] == "1"
    assert config["threads"] == "8"
    assert config["worker_class"].endswith("SafeThreadWorker")
    assert config["control_socket_disable"] == "True"
    assert config["preload_app"] == "False"
    assert config["accesslog"] == "None"


def test_postgres_gets_two_workers(tmp_path: Path) -> None:
    assert effective(tmp_path, DATABASE_URL="postgresql://db/medianest")["workers"] == "2"


def test_an_ipv6_address_is_written_in_brackets(tmp_path: Path) -> None:
    assert effective(tmp_path, MEDIANEST_HOST="::1", PORT="9000")["bind"] == "['[::1]:9000']"


@pytest.mark.parametrize(
    ("setting", "trusted"), [("", "[]"), ("10.0.0.0/8, 192.168.1.4", "['10.0.0.0/8', '192.168.1.4']")]
)
def test_only_named_proxies_are_trusted(tmp_path: Path, setting: str, trusted: str) -> None:
    assert effective(tmp_path, MEDIANEST_TRUSTED_PROXIES=setting)["forwarded_allow_ips"] == trusted
