"""`medianest audit`: who did what, read on the machine itself."""

import csv
import io

from tests.app.cli.conftest import Run

HEADER = ["id", "at", "actor_id", "actor", "address", "action", "target", "detail"]


def test_the_newest_stands_first_and_as_many_are_shown_as_asked_for(medianest: Run, anna: str) -> None:
    for name in ("bert", "carl"):
        medianest("user", "create", name, "--role", "user")
    lines = medianest("audit").stdout.splitlines()
    assert lines[0].split() == ["WHEN", "WHO", "FROM", "ACTION", "TARGET", "DETAIL"]
    assert [line.split()[5] for line in lines[1:]] == ["carl", "bert", "anna"]
    assert len(medianest("audit", "--limit", "1").stdout.splitlines()) == 2


def test_actors_and_actions_choose(medianest: Run, anna: str) -> None:
    medianest("token", "create", "--user", anna, "--name", "x")
    assert len(medianest("audit", "--actor", "local", "--action", "token.created").stdout.splitlines()) == 2
    for words in (("--actor", anna), ("--action", "toke"), ("--actor", "4711")):
        done = medianest("audit", *words)
        assert (done.returncode, done.stdout) == (0, "") and "nothing of the kind" in done.stderr
    done = medianest("audit", "--actor", "nobody")
    assert (done.returncode, done.stdout) == (2, "") and "there is no account nobody" in done.stderr


def test_csv_is_whole_unless_limited(medianest: Run, anna: str) -> None:
    medianest("user", "create", "=1+1", "--role", "user")
    rows = list(csv.reader(io.StringIO(medianest("audit", "--csv").stdout)))
    assert rows[0] == HEADER
    assert [(row[2], row[3], row[5], row[6]) for row in rows[1:]] == [
        ("0", "local", "user.created", "'=1+1"),
        ("0", "local", "user.created", "anna"),
    ]
    assert len(medianest("audit", "--csv", "--limit", "1").stdout.splitlines()) == 2
