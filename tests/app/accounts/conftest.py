"""A small world of Plex that the application belongs to, for tests that ask for it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import settings
from tests.app.accounts.plex_browser import Browser
from tests.standins.plex_sample import Sample


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sample]:
    """plex.tv, a media server and people; nobody may have asked either for a place that it does not have."""
    with Sample() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        yield running
        assert (running.plex_tv.strangers, running.plex.strangers) == ([], [])


@pytest.fixture
def visitor(sample: Sample, app: Flask) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(app)
