"""`medianest token`: personal tokens of anybody, made and revoked on the machine itself."""

import re

import pytest

from app.accounts import tokens
from config.settings import settings
from tests.app.cli.conftest import Run
from tests.app.conftest import Caller


def test_a_token_stands_alone_on_standard_output(medianest: Run, anna: str) -> None:
    done = medianest("token", "create", "--user", anna, "--name", "script")
    assert re.fullmatch(r"mnp_[A-Za-z0-9]{8}_[A-Za-z0-9]{32}\n", done.stdout)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "--user", "nobody", "--name", "x"), "there is no account nobody"),
        (("create", "--user", "anna", "--name", ""), "a label has 1 to 100 printable"),
        (("create", "--user", "anna", "--name", "a\nb"), "a label has 1 to 100 printable"),
        (("create", "--user", "bert", "--name", "x", "--scope", "admin"), "bert is no admin"),
        (("list", "--user", "nobody"), "there is no account nobody"),
        (("revoke", "nothing"), "there is no token nothing"),
    ],
)
def test_what_cannot_be_done_is_said(medianest: Run, anna: str, words: tuple[str, ...], said: str) -> None:
    medianest("user", "create", "bert", "--role", "user")
    done = medianest("token", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"medianest: {said}")


@pytest.mark.parametrize("days", ["0", "-1", "4000", "ten"])
def test_a_token_lives_a_day_to_ten_years(medianest: Run, anna: str, days: str) -> None:
    done = medianest("token", "create", "--user", anna, "--name", "x", "--days", days)
    assert (done.returncode, done.stdout) == (2, "")


def test_tokens_are_listed_and_revoked_by_id(medianest: Run, anna: str) -> None:
    assert "has no tokens" in medianest("token", "list", "--user", anna).stderr
    scopes = ("--scope", "read", "--scope", "jobs")
    made = medianest("token", "create", "--user", anna, "--name", "my script", *scopes, "--days", "7").stdout
    token_id = made.split("_")[1]
    head, line = medianest("token", "list", "--user", anna).stdout.splitlines()
    assert head.split() == ["ID", "SCOPES", "CREATED", "EXPIRES", "USED", "FOR"]
    assert re.fullmatch(rf"{token_id}  jobs,read  (\S+ \S+  ){{2}}never +my script", line)
    assert made.strip().split("_")[2] not in line
    assert medianest("token", "revoke", token_id).stdout == f"revoked {token_id} (my script)\n"
    assert medianest("token", "revoke", token_id).returncode == 2
    log = medianest("audit", "--action", "token", "--csv").stdout
    assert log.count(token_id) == 2 and made.strip().split("_")[2] not in log


def test_a_token_of_the_command_line_opens_what_it_says(
    medianest: Run, bound_database: str, app: object, friend: Caller
) -> None:
    def make(*options: str) -> str:
        words = ("token", "create", "--user", "bob", "--name", "x", *options)
        own = {"DATABASE_URL": bound_database, "MEDIANEST_DATA_DIR": str(settings().data_dir)}
        return medianest(*words, **own).stdout.strip()

    whole, reading = (tokens.identify(make(*options)) for options in ((), ("--scope", "read", "--days", "1")))
    assert whole and reading
    assert (whole.user_id, whole.scopes) == (friend.id, frozenset({"read", "jobs"}))
    assert reading.scopes == {"read"}
    until = tokens.expiry(reading.session)
    assert until is not None and tokens.expiry(whole.session) is None
