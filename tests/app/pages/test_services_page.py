"""The services page, first in the welcome after the set-up, in a real browser with a stand-in for a Plex server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.pages.hands import expect_no_overflow
from tests.app.pages.plex_hands import choose, expect_in, go_to_plex
from tests.app.pages.watched import Open, Watched
from tests.standins.plex_sample import Sample
from tests.system import ADMIN, System

pytestmark = pytest.mark.browser


@pytest.fixture
def unconnected(tmp_path: Path, sample: Sample) -> Iterator[System]:
    """An installation that nobody has set up, which asks the sample's plex.tv and knows of no server."""
    plex_tv = sample.plex_tv.base
    with System(tmp_path, PLEX_TV_URL=plex_tv, PLEX_APP_URL=plex_tv) as system:
        yield system


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def set_up(watched: Watched, system: System) -> None:
    """What the first visitor does; the page is in the welcome."""
    name, password = ADMIN
    watched.page.get_by_label("Setup code").fill(system.setup_code)
    watched.page.get_by_label("User name").fill(name)
    watched.page.get_by_label("Password", exact=True).fill(password)
    watched.page.get_by_role("button", name="Make the account").click()
    expect(watched.page.get_by_role("heading", level=1)).to_have_text("Connect your Plex server")


@pytest.mark.parametrize("width", (320, 1280))
def test_the_first_run_leads_to_plex_being_connected_and_the_owner_signing_in(
    unconnected: System, sample: Sample, open_page: Open, width: int
) -> None:
    watched = open_page(unconnected, signed_in=False, width=width, elsewhere=sample.plex_tv.base)
    page = watched.page
    set_up(watched, unconnected)
    plex = card(page, "Plex")
    expect(plex).to_have_attribute("data-state", "unconfigured")
    plex.get_by_label("Address").fill(sample.plex.base)
    plex.get_by_label("Token of the owner", exact=True).fill("not-the-token-of-anybody")
    plex.get_by_role("button", name="Test").click()
    expect(plex.locator(".result")).to_have_attribute("data-ok", "no")
    expect(plex.locator(".result-advice")).not_to_be_empty()

    plex.get_by_label("Token of the owner", exact=True).fill(sample.owner.token)
    plex.get_by_role("button", name="Test").click()
    expect(plex.locator(".result")).to_contain_text(re.compile(r"It works: Living Room, version 1\.43"))
    expect_no_overflow(page)
    plex.get_by_role("button", name="Save").click()
    expect(plex.locator(".result")).to_contain_text("Saved. It works: Living Room")
    expect(plex).to_have_attribute("data-state", "up")
    expect(plex.get_by_label("Token of the owner", exact=True)).to_have_value("")
    expect(plex.get_by_label("Token of the owner", exact=True)).to_have_attribute(
        "placeholder", re.compile("^Stored")
    )

    page.get_by_role("link", name="Go on to MediaNest").click()
    page.locator("#person").click()
    page.get_by_role("button", name="Sign out").click()
    go_to_plex(page, sample)
    choose(page, sample.owner)
    expect_in(page, sample.owner)


def test_the_welcome_is_there_once_and_can_be_skipped(unconnected: System, open_page: Open) -> None:
    watched = open_page(unconnected, signed_in=False)
    page = watched.page
    set_up(watched, unconnected)
    expect(page).to_have_url(f"{unconnected.url}/services")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Services")
    page.get_by_role("link", name="MediaNest, home").click()
    expect(page.get_by_text("The nest is empty")).to_be_visible()


def test_a_stored_secret_is_kept_never_shown_and_never_sent_elsewhere(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    watched = open_page(plex_system, "services")
    page = watched.page
    watched.expected = {422}
    plex = card(page, "Plex")
    expect(plex.get_by_label("Address")).to_have_value(sample.plex.base)
    assert sample.owner.token not in page.content()
    plex.get_by_role("button", name="Save").click()
    expect(plex.locator(".result")).to_contain_text("Saved. It works: Living Room")

    plex.get_by_label("Address").fill(sample.plex_tv.base)
    plex.get_by_role("button", name="Test").click()
    expect(plex.locator("#plex-token-wrong")).to_contain_text("Give it again")
    expect(plex.get_by_label("Token of the owner", exact=True)).to_be_focused()


def test_a_wrong_address_is_explained_at_its_field(plex_system: System, open_page: Open) -> None:
    watched = open_page(plex_system, "services")
    watched.expected = {422}
    overseerr = card(watched.page, "Overseerr")
    overseerr.get_by_role("button", name="Save").click()
    expect(overseerr.locator("#overseerr-url-wrong")).to_have_text("This is needed.")
    overseerr.get_by_label("Address").fill("ftp://nest.example")
    overseerr.get_by_role("button", name="Save").click()
    expect(overseerr.locator("#overseerr-url-wrong")).to_be_visible()
    expect(overseerr.get_by_label("Address")).to_be_focused()


def test_a_service_that_is_not_there_is_saved_and_said_with_advice_and_disconnected(
    plex_system: System, open_page: Open
) -> None:
    page = open_page(plex_system, "services").page
    kuma = card(page, "Uptime Kuma")
    kuma.get_by_label("Address").fill("http://127.0.0.1:9")
    kuma.get_by_role("button", name="Save").click()
    expect(kuma.locator(".result")).to_contain_text("cannot be reached")
    expect(kuma.locator(".result-advice")).not_to_be_empty()
    expect(kuma).to_have_attribute("data-state", "down")
    kuma.get_by_role("button", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(kuma).to_have_attribute("data-state", "unconfigured")
    expect(kuma.get_by_label("Address")).to_have_value("")
    expect(kuma.get_by_role("button", name="Disconnect")).to_be_hidden()
