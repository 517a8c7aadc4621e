"""A real browser, and pages in it that fail the test when anything is wrong in the console."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.app.pages.watched import PATIENCE, Open, Watched
from tests.conftest import CHROMIUM
from tests.standins.plex_sample import Sample
from tests.system import System

FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Theme = Literal["light", "dark"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    """plex.tv, a media server, and people."""
    with Sample() as sample:
        yield sample


@pytest.fixture(scope="module")
def plex_system(tmp_path_factory: pytest.TempPathFactory, sample: Sample) -> Iterator[System]:
    """A running installation that belongs to the sample's server, with a local admin besides."""
    with System(tmp_path_factory.mktemp("plex"), plex=sample) as system:
        system.set_up()
        yield system


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page of a system: `open_page(system, "account", width=320, signed_in=False, theme="dark", name="robin")`.

    `elsewhere` is another site that the page may lead to.
    """
    opened: list[Watched] = []

    def open_one(
        system: System,
        path: str = "",
        *,
        width: int = 1280,
        signed_in: bool = True,
        theme: Theme = "dark",
        name: str = "",
        elsewhere: str = "",
    ) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=theme)
        context.set_default_timeout(PATIENCE)
        watched = Watched(context, system.url.rstrip("/"), elsewhere)
        opened.append(watched)
        if signed_in:
            admin, password = system.admin  # `user_token` gives others the same password
            address = f"{watched.base}/api/v1/auth/login"
            answer = context.request.post(address, data={"username": name or admin, "password": password})
            assert answer.ok, answer.text()
        watched.page.goto(f"{watched.base}/{path}")
        return watched

    yield open_one
    complaints = [complaint for watched in opened for complaint in watched.complaints]
    for watched in opened:
        watched.context.close()
    assert complaints == []
