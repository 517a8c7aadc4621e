"""A browser at the application, for tests of signing in."""

import pytest
from flask import Flask

from tests.app.accounts.plex_browser import Browser
from tests.standins.plex_sample import Sample


@pytest.fixture
def visitor(sample: Sample, app: Flask) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(app)
