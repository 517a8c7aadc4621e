"""`medianest secrets rotate`: the old key alone opens nothing afterwards, and nothing is lost on the way there."""

import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.accounts import setup, tokens
from config.database import database, query
from config.settings import Settings, settings
from config.vault import VaultError, unseal
from pipelines.models.cookie import cookies_for
from tests.planted import opened, plant, sealed_texts

ROOT = Path(__file__).parents[3]
OTHER_SECRET = "0123456789abcdef" * 2

DYING = """
import os, signal, sys, traceback
from app.cli import secrets
from config import database
from config.settings import settings
from tests.planted import opened

RESTLESS = ("app/cli/secrets.py", "config/key_file.py", "pipelines/models/sealed.py")

NEVER = 0

def die_at(step):
    def look(frame, event, _):
        nonlocal step
        if event.endswith("call") and frame.f_code.co_filename.endswith(RESTLESS):
            step -= 1
            if not step:
                os.kill(os.getpid(), signal.SIGKILL)
    return look

def rotate(step):
    sys.setprofile(die_at(step))
    secrets.rotate(["--wait", "0"], standalone_mode=False)

def look():
    database.bind(settings().database_url)
    assert all("planted" in plain for identity, plain in opened().items() if identity != "secret:pepper")

def apart(act, *values):
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    try:
        act(*values)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)

step, killed = 1, signal.SIGKILL
while killed == signal.SIGKILL:
    killed = apart(rotate, step)
    assert killed in (0, signal.SIGKILL), (step, killed)
    assert apart(look) == 0, step
    assert apart(rotate, NEVER) == 0, step
    assert apart(look) == 0 and not settings().earlier_secrets(), step
    step += 1
print("survived", step)
"""

BUSY = """
import itertools, json, sys
from config import database
from config.settings import settings
from app.accounts import tokens
from pipelines.models import connection, cookie
from pipelines.models.secret import kept

account, token, role = int(sys.argv[1]), sys.argv[2], sys.argv[3]
database.bind(settings().database_url)

def write(turn):
    cookie.put(account, f"host{turn % 7}.example", f"planted {turn}")
    connection.store("overseerr", "http://overseerr.example", f"planted {turn}", None)
    kept(f"made {turn}", lambda: f"planted {turn}")

def read(turn):
    assert cookie.cookies_for(account, "example.com") == "planted cookies of example.com"
    assert connection.connection("plex").secret == "planted token of plex"
    assert kept("trial", lambda: "anew") == "planted trial"
    assert tokens.identify(token).user_id == account

over = []
import threading
threading.Thread(target=lambda: (sys.stdin.read(), over.append(True)), daemon=True).start()
print("busy", flush=True)
for turn in itertools.count():
    if over:
        break
    {"write": write, "read": read}[role](turn)
print(turn)
"""


def rotate(*words: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", "secrets", "rotate", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=check,
        timeout=60,
    )


@contextmanager
def busy(role: str, token: str) -> Iterator[None]:
    """A process that writes or reads secrets all the time; it must not meet a single error."""
    account = str(query("SELECT id FROM account")[0]["id"])
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, account, token, role],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdin
        assert process.stdout.readline() == "busy\n"
        yield
        process.stdin.close()
        assert int(process.stdout.read()) > 10
    assert process.returncode == 0


@contextmanager
def the_secret(text: str) -> Iterator[None]:
    """Be an installation that knows this secret only."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MEDIANEST_SECRET_KEY", text)
        environment.setenv("MEDIANEST_DATA_DIR", "/nonexistent")
        settings.cache_clear()
        yield
    settings.cache_clear()


def assert_opens_nothing(secret: str) -> None:
    with the_secret(secret):
        for identity, text in sealed_texts().items():
            with pytest.raises(VaultError, match="another key"):
                unseal(text, identity)


def test_everything_opens_afterwards_and_the_old_key_alone_opens_nothing(home: Settings) -> None:
    token = plant()
    before, old, pepper = opened(), home.secret(), tokens.pepper()
    done = rotate("--wait", "0")
    assert f"sealed {len(before)} secrets anew" in done.stdout
    assert opened() == before and home.secret() != old
    assert sorted(file.name for file in home.data_dir.iterdir() if "secret" in file.name) == ["secret-key"]
    assert_opens_nothing(old)
    with the_secret(home.secret()):
        assert opened() == before
    assert tokens.identify(token) is not None and tokens.pepper() == pepper


def test_no_trace_of_the_old_key_is_left_in_the_file(home: Settings) -> None:
    plant()
    before = sealed_texts().values()
    rotate("--wait", "0")
    database.close_all()
    if home.sqlite:
        folder = Path(home.database_url.removeprefix("sqlite://")).parent
        left = b"".join(file.read_bytes() for file in folder.glob("medianest.db*"))
        assert not [text for text in before if text.encode() in left]


def test_it_is_written_down_without_any_secret(home: Settings) -> None:
    plant()
    old = home.secret()
    rotate("--wait", "0")
    (row,) = query("SELECT actor, action, detail FROM audit WHERE action = 'secrets.rotated'")
    assert row["actor"] == "local" and json.loads(row["detail"]) == {"sealed": len(opened()), "lost": []}
    assert old not in row["detail"] and home.secret() not in row["detail"]


def test_tokens_from_before_there_was_a_kept_pepper_stay_valid(home: Settings) -> None:
    token = plant()
    digest = hmac.digest(home.secret().encode(), f"token:{token[4:12]}:{token[13:]}".encode(), "sha256")
    database.execute_sql("DELETE FROM secret WHERE name = 'pepper'")
    database.execute_sql(f"UPDATE token SET digest = '{digest.hex()}'")
    tokens._peppers.clear()
    rotate("--wait", "0")
    identity = tokens.identify(token)
    assert identity is not None and identity.name == "ann"


def test_a_printed_setup_code_ends_with_the_secret(home: Settings) -> None:
    code = setup.code()
    rotate("--wait", "0")
    with pytest.raises(setup.WrongCode):
        setup.claim(code, "ann", "a sentence to remember")


def test_killed_at_any_step_it_loses_nothing_and_a_second_run_ends_it(home: Settings) -> None:
    plant()
    before, old = opened(), home.secret()
    done = subprocess.run(
        [sys.executable, "-c", DYING], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 50
    assert opened() == before and home.earlier_secrets() == []
    assert_opens_nothing(old)


def test_whoever_reads_and_writes_meanwhile_notices_nothing(home: Settings) -> None:
    token = plant()
    old = home.secret()
    with busy("write", token), busy("read", token):
        for _ in range(2):
            rotate("--wait", "2")
    assert_opens_nothing(old)
    with the_secret(home.secret()):
        written = opened()
    for name in [name for name in written if name.startswith("secret:made ")]:
        assert written[name] == "planted " + name.removeprefix("secret:made ")
    assert cookies_for(query("SELECT id FROM account")[0]["id"], "host3.example")


def test_a_secret_of_the_environment_is_replaced_in_three_steps(home: Settings) -> None:
    plant()
    before, old = opened(), home.secret()
    begin = rotate(check=False, MEDIANEST_SECRET_KEY=old)
    assert begin.returncode == 1 and "MEDIANEST_SECRET_KEY_OLD" in begin.stderr
    assert "Traceback" not in begin.stderr and sealed_texts().keys() == before.keys()
    done = rotate(MEDIANEST_SECRET_KEY=OTHER_SECRET, MEDIANEST_SECRET_KEY_OLD=old)
    assert (
        f"sealed {len(before)} secrets anew" in done.stdout
        and "take MEDIANEST_SECRET_KEY_OLD away" in done.stdout
    )
    assert_opens_nothing(old)
    with the_secret(OTHER_SECRET):
        assert opened() == before
    assert home.secret() == old  # the file is not ours to change then


def test_both_secrets_may_come_from_files(home: Settings, tmp_path: Path) -> None:
    plant()
    before = opened()
    present = tmp_path / "present"
    present.write_text(OTHER_SECRET)
    old = str(home.secret_file)
    rotate(MEDIANEST_SECRET_KEY_FILE=str(present), MEDIANEST_SECRET_KEY_OLD_FILE=old)
    with the_secret(OTHER_SECRET):
        assert opened() == before


def test_what_opens_with_no_key_is_named(home: Settings) -> None:
    plant()
    database.execute_sql("UPDATE connection SET secret = (SELECT sealed FROM secret WHERE name = 'trial')")
    done = rotate("--wait", "0")
    assert "connection:plex opens with no key that is here" in done.stderr
    assert "planted" not in done.stderr


def test_without_the_key_every_command_that_needs_it_says_so(home: Settings) -> None:
    plant()
    home.secret_file.unlink()
    command = [sys.executable, "-m", "app.cli.main", "token", "create", "--user", "ann", "--name", "another"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("medianest: the secret 'pepper' of this installation does not open")
    assert "secret:pepper opens with no key" in rotate("--wait", "0").stderr


def test_a_second_rotation_at_once_is_refused_in_words(home: Settings) -> None:
    plant()
    from config.key_file import rotation

    with rotation(home.secret_file):
        done = rotate(check=False)
    assert done.returncode == 1 and done.stderr == "medianest: the secrets are being rotated already\n"
