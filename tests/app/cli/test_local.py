"""Commands on the data directory: they need no server, no token and no terminal."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.cli.conftest import ROOT, Run, surroundings

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


def test_without_a_terminal_a_password_is_made_up_and_printed(medianest: Run, anna: str) -> None:
    done = medianest("user", "create", "bert", "--role", "user")
    assert done.returncode == 0
    assert re.search(r"^Password: \S{16}$", done.stdout, re.MULTILINE)


def test_a_password_can_be_piped_in_or_read_from_a_file(medianest: Run, anna: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    for done in (
        medianest("user", "create", "anton", "--role", "admin", given="battery staple\n"),
        medianest("user", "create", "bert", "--role", "user", "--password-file", str(file)),
        medianest(
            "user", "create", "carl", "--role", "user", "--password-file", "-", given="battery staple\n"
        ),
    ):
        assert done.returncode == 0 and "Password" not in done.stdout
    assert [line.split()[:2] for line in medianest("user", "list").stdout.splitlines()[1:]] == [
        ["anna", "admin"],
        ["anton", "admin"],
        ["bert", "user"],
        ["carl", "user"],
    ]


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(data: Path, anna: str) -> None:
    command = [sys.executable, "-m", "app.cli.main", "user", "create", "bert", "--role", "user"]
    with subprocess.Popen(
        command, env=surroundings(data), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.wait(30) == 0
        assert process.stdout is not None and "Password: " in process.stdout.read()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("user", "create", "anna", "--role", "user"), 1, "there is an account anna already"),
        (("user", "create", "ANNA", "--role", "user"), 1, "there is an account ANNA already"),
        (("user", "create", "b\x07b", "--role", "user"), 2, "a name has 1 to 64 printable characters"),
        (("user", "set-role", "anna", "user"), 1, "anna is the only admin"),
        (("user", "set-role", "nobody", "user"), 2, "there is no account nobody"),
        (("token", "create", "--user", "nobody", "--name", "x"), 2, "there is no account nobody"),
        (("token", "create", "--user", "anna", "--name", ""), 2, "a label has 1 to 100 printable"),
        (("token", "create", "--user", "anna", "--name", "a\nb"), 2, "a label has 1 to 100 printable"),
    ],
)
def test_what_cannot_be_done_is_said(
    medianest: Run, anna: str, words: tuple[str, ...], code: int, said: str
) -> None:
    done = medianest(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"medianest: {said}")


def test_a_short_password_is_refused(medianest: Run, anna: str) -> None:
    done = medianest("user", "create", "bert", "--role", "user", given="short\n")
    assert done.returncode == 2 and "at least 8 characters" in done.stderr


def test_a_role_can_be_changed(medianest: Run, anna: str) -> None:
    medianest("user", "create", "bert", "--role", "user")
    assert medianest("user", "set-role", "bert", "admin").stdout == "bert is admin now\n"
    assert medianest("user", "set-role", anna, "user").returncode == 0


def test_a_token_stands_alone_on_standard_output(medianest: Run, anna: str) -> None:
    done = medianest("token", "create", "--user", anna, "--name", "script")
    assert re.fullmatch(r"mnp_[A-Za-z0-9]{8}_[A-Za-z0-9]{32}\n", done.stdout)
    assert done.stderr == ""


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
