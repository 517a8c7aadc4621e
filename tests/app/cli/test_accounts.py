"""`medianest user`: who may come in, decided on the machine itself."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.accounts import users
from config import database
from config.database import query
from pipelines.models.account import set_role
from tests.app.cli.conftest import ROOT, Run, surroundings
from tests.app.conftest import Caller


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
        (("user", "set-role", "anna", "suspended"), 1, "anna is the only admin"),
        (("user", "delete", "anna", "--yes"), 1, "anna is the only admin"),
        (("user", "delete", "nobody", "--yes"), 2, "there is no account nobody"),
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


def test_somebody_can_be_suspended_and_let_in_again(medianest: Run, anna: str) -> None:
    medianest("user", "create", "bert", "--role", "user")
    assert medianest("user", "set-role", "bert", "suspended").stdout == "bert is suspended now\n"
    assert re.search(r"^bert +suspended +by an admin ", medianest("user", "list").stdout, re.MULTILINE)
    assert medianest("user", "set-role", "bert", "user").returncode == 0
    assert re.search(r"^bert +user +\d{4}-", medianest("user", "list").stdout, re.MULTILINE)


def test_without_a_terminal_nobody_is_deleted_by_mistake(medianest: Run, anna: str) -> None:
    medianest("user", "create", "bert", "--role", "user")
    for given in (None, "y\n"):
        done = medianest("user", "delete", "bert", given=given)
        assert (done.returncode, done.stdout) == (2, "") and "--yes" in done.stderr
    assert medianest("user", "delete", "bert", "--yes").stdout == "deleted bert\n"
    assert "bert" not in medianest("user", "list").stdout


@pytest.mark.parametrize(("said", "gone"), [(b"y\n", True), (b"\n", False)])
def test_in_a_terminal_the_question_is_asked(
    medianest: Run, anna: str, data: Path, said: bytes, gone: bool
) -> None:
    medianest("user", "create", "bert", "--role", "user")
    near, far = pty.openpty()
    command = [sys.executable, "-m", "app.cli.main", "user", "delete", "bert"]
    with subprocess.Popen(
        command, env=surroundings(data), cwd=ROOT, stdin=far, stdout=far, stderr=far
    ) as process:
        os.write(near, said)
        assert process.wait(30) == (0 if gone else 1)
    os.close(near)
    os.close(far)
    assert ("bert" not in medianest("user", "list").stdout) == gone


def test_what_was_done_is_in_the_audit_log_as_the_machines_own(medianest: Run, anna: str) -> None:
    medianest("user", "create", "bert", "--role", "user")
    medianest("user", "set-role", "bert", "admin")
    medianest("user", "set-role", "bert", "admin")
    medianest("user", "delete", "bert", "--yes")
    lines = medianest("audit", "--action", "user").stdout.splitlines()[1:]
    assert [re.split(r"  +", line)[1:5] for line in lines] == [
        ["local", "-", "user.deleted", "bert"],
        ["local", "-", "user.changed", "bert"],
        ["local", "-", "user.created", "bert"],
        ["local", "-", "user.created", "anna"],
    ]


def test_the_commands_work_on_either_database(
    medianest: Run, bound_database: str, app: object, friend: Caller, admin: Caller
) -> None:
    friend.submit()
    set_role(friend.id, "suspended", "approval")
    listed = medianest("user", "list", DATABASE_URL=bound_database).stdout
    assert re.search(r"^bob +suspended +waits for approval ", listed, re.MULTILINE)
    assert medianest("user", "set-role", "bob", "user", DATABASE_URL=bound_database).returncode == 0
    assert (users.by_id(friend.id) or {})["role"] == "user"
    assert medianest("user", "delete", "bob", "--yes", DATABASE_URL=bound_database).stdout == "deleted bob\n"
    assert users.by_id(friend.id) is None
    assert query("SELECT state FROM job") == [{"state": "cancelled"}]
    database.database.close()
