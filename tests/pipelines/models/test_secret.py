"""Secrets of the installation: made once, the same for everybody, sealed, and never made anew behind anyone's back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.database import change, query, transaction
from config.settings import Settings, settings
from pipelines.models.secret import SecretLost, kept


def made_of(words: str) -> Callable[[], str]:
    return lambda: words


def test_it_is_made_once(home: Settings) -> None:
    assert kept("trial", made_of("first")) == "first"
    assert kept("trial", made_of("second")) == "first"
    assert kept("other", made_of("second")) == "second"


def test_all_who_ask_at_once_get_the_same(home: Settings) -> None:
    with ThreadPoolExecutor(12) as pool:
        assert len(set(pool.map(lambda number: kept("trial", made_of(f"made {number}")), range(12)))) == 1


def test_it_is_not_there_in_the_clear(home: Settings) -> None:
    kept("trial", made_of("canary"))
    assert "canary" not in str(query("SELECT * FROM secret"))


def test_what_is_rolled_back_is_not_kept(home: Settings) -> None:
    with pytest.raises(RuntimeError), transaction():
        kept("trial", made_of("first"))
        raise RuntimeError
    assert kept("trial", made_of("second")) == "second"


def test_in_another_row_it_does_not_open(home: Settings) -> None:
    kept("trial", made_of("canary"))
    change("UPDATE secret SET name = 'other'")
    with pytest.raises(SecretLost, match="'other'"):
        kept("other", made_of("anew"))


def test_without_its_key_it_says_so_and_is_not_made_anew(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept("trial", made_of("canary"))
    monkeypatch.setenv("MEDIANEST_SECRET_KEY", "0123456789abcdef" * 2)
    settings.cache_clear()
    with pytest.raises(SecretLost, match="secret-key"):
        kept("trial", made_of("anew"))
    monkeypatch.delenv("MEDIANEST_SECRET_KEY")
    settings.cache_clear()
    assert kept("trial", made_of("anew")) == "canary"
