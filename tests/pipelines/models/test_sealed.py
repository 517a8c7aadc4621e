"""The list of sealed columns is whole, and what is in them opens in its own place alone."""

import re

import pytest

from config.database import change, query
from config.settings import Settings, settings
from config.vault import VaultError, unseal
from pipelines.models import connection, cookie
from pipelines.models.sealed import COLUMNS, reseal
from pipelines.models.secret import SecretLost, kept
from tests.planted import HOSTS, all_values, opened, plant, sealed_texts

SEALED = re.compile(r"v\d+\.[0-9a-f]{8}\.")


def test_no_column_with_sealed_texts_is_missing_from_the_list(home: Settings) -> None:
    plant()
    holding = {
        (table, name) for table, name, value in all_values() if isinstance(value, str) and SEALED.match(value)
    }
    assert holding == {(column.table, column.name) for column in COLUMNS}


def test_a_text_that_was_moved_opens_nowhere(home: Settings) -> None:
    plant()
    texts = sealed_texts()
    for mine in texts:
        for other, text in texts.items():
            if mine != other:
                with pytest.raises(VaultError):
                    unseal(text, mine)


def test_whoever_reads_it_refuses_a_text_that_was_moved(home: Settings) -> None:
    plant()
    one, other = HOSTS
    swap = "UPDATE cookie SET sealed = (SELECT sealed FROM cookie WHERE host = %s) WHERE host = %s"
    change(swap, one, other)
    account = query("SELECT id FROM account")[0]["id"]
    with pytest.raises(Exception, match="cannot be opened"):
        cookie.cookies_for(account, other)
    change("UPDATE connection SET secret = (SELECT sealed FROM secret WHERE name = 'trial')")
    plex = connection.connection("plex")
    assert plex.secret is None and plex.sealed
    change("UPDATE secret SET sealed = (SELECT plex_token FROM account) WHERE name = 'trial'")
    with pytest.raises(SecretLost):
        kept("trial", lambda: "anew")


def test_what_no_key_opens_is_named_and_left_alone(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    plant()
    before = sealed_texts()
    monkeypatch.setenv("MEDIANEST_SECRET_KEY", "0123456789abcdef" * 2)
    settings.cache_clear()
    outcome = reseal()
    assert outcome.sealed == 0 and sorted(outcome.lost) == sorted(before)
    assert sealed_texts() == before


def test_what_is_under_the_present_key_is_left_alone(home: Settings) -> None:
    plant()
    before = sealed_texts()
    assert (reseal().sealed, sealed_texts()) == (0, before)
    assert all("planted" in plain for identity, plain in opened().items() if identity != "secret:pepper")
