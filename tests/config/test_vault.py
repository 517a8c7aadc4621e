"""A sealed text says nothing, and opens only unchanged, in its row, under its key."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import settings
from config.vault import VaultError, beginning, seal, unseal

ROW = "cookie:17:example.com"
EARLIER = "v1.154a6be3.otBdJHZMpYLeSmuJ0OSXvmP5QnBTKbF1nq8LnImM_qMQQQ"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+ "
AT_START = """
import sys
import app.factory, workers.actors, workers.scheduler, workers.supervisor, workers.worker
print(*(name for name in sys.modules if name.startswith(("config.vault", "cryptography.hazmat"))))
"""


def use_key(environment: pytest.MonkeyPatch, letters: str, *earlier: str) -> None:
    """Be the installation with this secret, which had others before."""
    environment.setenv("MEDIANEST_SECRET_KEY", letters * 4)
    environment.setenv("MEDIANEST_SECRET_KEY_OLD", ",".join(each * 4 for each in earlier))
    settings.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def installation() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        use_key(environment, "0123456789abcdef")
        yield
    settings.cache_clear()


@given(st.text(), st.text())
def test_what_was_sealed_opens_again(plain: str, identity: str) -> None:
    assert unseal(seal(plain, identity), identity) == plain


def test_a_sealed_text_shows_nothing_and_is_never_the_same_twice() -> None:
    one, other = seal("canary", ROW), seal("canary", ROW)
    assert "canary" not in one and one != other
    assert one.startswith("v1.") and one.split(".")[1] == other.split(".")[1]


@given(st.text(), st.text())
def test_it_does_not_open_in_another_row(mine: str, other: str) -> None:
    if mine != other:
        with pytest.raises(VaultError):
            unseal(seal("canary", mine), other)


@given(st.data())
def test_one_changed_letter_is_noticed(data: st.DataObject) -> None:
    sealed = seal("canary", ROW)
    at = data.draw(st.integers(0, len(sealed) - 1))
    letter = data.draw(st.sampled_from(LETTERS.replace(sealed[at], "")))
    with pytest.raises(VaultError):
        unseal(sealed[:at] + letter + sealed[at + 1 :], ROW)


@given(st.text() | st.text("v1.aA-_=").map("v1.".__add__))
def test_what_is_not_sealed_is_refused(text: str) -> None:
    with pytest.raises(VaultError):
        unseal(text, ROW)


@given(st.integers(0, 60))
def test_a_cut_text_is_refused(length: int) -> None:
    sealed = seal("canary of thirty-one characters", ROW)
    with pytest.raises(VaultError):
        unseal(sealed[:length], ROW)


def test_another_key_does_not_open_it_and_says_so() -> None:
    sealed = seal("canary", ROW)
    with pytest.MonkeyPatch.context() as environment:
        use_key(environment, "fedcba9876543210")
        assert seal("canary", ROW).split(".")[1] != sealed.split(".")[1]
        with pytest.raises(VaultError, match="another key"):
            unseal(sealed, ROW)
    settings.cache_clear()
    assert unseal(sealed, ROW) == "canary"


def test_an_earlier_key_opens_what_it_sealed_and_seals_nothing_more() -> None:
    sealed = seal("canary", ROW)
    with pytest.MonkeyPatch.context() as environment:
        use_key(environment, "fedcba9876543210", "ghijklmnopqrstuv", "0123456789abcdef")
        assert unseal(sealed, ROW) == "canary"
        anew = seal("canary", ROW)
        assert anew.startswith(beginning()) and not sealed.startswith(beginning())
        with pytest.raises(VaultError, match="another row"):
            unseal(sealed, ROW + "x")
    settings.cache_clear()
    with pytest.raises(VaultError, match="another key"):
        unseal(anew, ROW)


def test_a_later_version_opens_what_an_earlier_one_sealed() -> None:
    assert unseal(EARLIER, ROW) == "canary"


def test_no_process_loads_it_at_its_start() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", AT_START], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
