"""Commands on the data directory: they need no server, no token and no terminal."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.cli.conftest import Run

CODE = re.compile(r"^Setup code: [A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}$", re.MULTILINE)


def test_upgrade_makes_the_database_and_prints_the_setup_code(medianest: Run, data: Path) -> None:
    first = medianest("db", "upgrade")
    assert first.returncode == 0 and "applied 0001_spine" in first.stdout
    code = CODE.search(first.stdout)
    assert code
    assert data.stat().st_mode & 0o777 == 0o700
    assert medianest("setup-code").stdout.strip() == code[0]
    again = medianest("db", "upgrade")
    assert again.returncode == 0 and "up to date" in again.stdout and code[0] in again.stdout
    assert medianest("db", "status").returncode == 0


def test_status_of_no_database_creates_none(medianest: Run, data: Path) -> None:
    done = medianest("db", "status")
    assert done.returncode == 1 and "run: medianest db upgrade" in done.stderr
    assert not list(data.glob("*.db"))


def test_a_newer_schema_is_refused_in_words(medianest: Run, anna: str, data: Path) -> None:
    insert = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
        "columns = [row[1] for row in db.execute('PRAGMA table_info(schema_migration)')];"
        "row = list(db.execute('SELECT * FROM schema_migration').fetchone());"
        "row[columns.index('name')] = '9999_future';"
        "row[columns.index('id')] = 999 if 'id' in columns else row[0];"
        'db.execute(f\'INSERT INTO schema_migration VALUES ({",".join("?" * len(row))})\', row); db.commit()'
    )
    subprocess.run([sys.executable, "-c", insert, str(data / "medianest.db")], check=True)
    for words in (("db", "upgrade"), ("db", "status"), ("user", "list")):
        done = medianest(*words)
        assert done.returncode == 1
        assert done.stderr.startswith("medianest: the database was made by a newer MediaNest")


def test_once_there_is_an_admin_no_setup_code_is_printed(medianest: Run, anna: str) -> None:
    assert not CODE.search(medianest("db", "upgrade").stdout)
    done = medianest("setup-code")
    assert done.returncode == 1 and done.stdout == ""


def test_a_database_that_is_away_is_named_without_its_password(medianest: Run) -> None:
    done = medianest("user", "list", DATABASE_URL="postgresql://u:hidden-word@127.0.0.1:1/nest")
    assert done.returncode == 1
    assert "the database nest at 127.0.0.1:1 cannot be used" in done.stderr
    assert "hidden-word" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [("db", "upgrade"), ("user", "list"), ("jobs",), ("web",), ("worker",), ("scheduler",), ("up",)],
    ids=" ".join,
)
def test_all_wrong_settings_are_listed_at_once(medianest: Run, words: tuple[str, ...]) -> None:
    done = medianest(*words, PORT="none", REDIS_URL="http://x", MEDIANEST_SECRET_KEY="changeme")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert all(line.startswith("medianest: ") for line in lines)
    for name in ("PORT", "REDIS_URL", "MEDIANEST_SECRET_KEY"):
        assert sum(f"medianest: {name}:" in line for line in lines) == 1
    assert "changeme" not in done.stderr
