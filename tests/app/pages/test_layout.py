"""How the page looks and is delivered, at every width and in both themes."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.pages.hands import expect_live, expect_no_overflow, expect_touchable, submit
from tests.app.pages.watched import Open
from tests.standins.video_site import VideoSite
from tests.system import System

pytestmark = pytest.mark.browser


def test_services_show_word_and_shape(system: System, open_page: Open) -> None:
    page = open_page(system).page
    database = page.locator("li.service[data-name=database]")
    expect(database).to_have_attribute("data-state", "up")
    expect(database).to_contain_text("Up")
    expect(database.locator("use")).to_have_attribute("href", "#is-up")
    expect(page.locator("li.service[data-name=plex]")).to_contain_text("Not set up")


def test_the_theme_follows_the_system_until_somebody_chooses(system: System, open_page: Open) -> None:
    page = open_page(system, theme="dark").page
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Theme: as the system").click()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    light = page.evaluate(colour)
    assert light != dark
    page.reload()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    assert page.evaluate(colour) == light


@pytest.mark.parametrize("width", (320, 1280, 3840))
@pytest.mark.parametrize("theme", ("light", "dark"))
def test_nothing_runs_over_the_edge_and_everything_can_be_touched(
    system: System, open_page: Open, width: int, theme: str
) -> None:
    page = open_page(system, width=width, theme=theme).page
    expect_live(page)
    expect(page.locator(".skeleton")).to_have_count(0)
    page.get_by_role("button", name="Options").click()
    page.locator("#person").click()
    expect_no_overflow(page)
    expect_touchable(page)


@pytest.mark.parametrize("width", (320, 1280, 3840))
@pytest.mark.parametrize("theme", ("light", "dark"))
def test_neither_does_anything_on_the_other_screens(
    system: System, open_page: Open, width: int, theme: str
) -> None:
    watched = open_page(system, "account", width=width, theme=theme)
    page = watched.page
    page.get_by_role("button", name="New token").click()
    for path in ("account", "people", "services", "audit"):
        if path != "account":
            page.goto(f"{watched.base}/{path}")
        expect(page.locator(".skeleton")).to_have_count(0)
        if path == "people":
            page.get_by_role("button", name=f"Change {system.admin[0]}").click()
        page.locator("#person").click()
        expect_no_overflow(page)
        expect_touchable(page)


def test_the_page_comes_with_a_strict_policy_and_files_that_stay(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    policy = watched.context.request.get(f"{watched.base}/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    style = page.locator("link[rel=stylesheet]").get_attribute("href")
    kept = watched.context.request.get(f"{watched.base}/{style}").headers["cache-control"]
    assert "immutable" in kept
    assert " style=" not in watched.context.request.get(f"{watched.base}/").text()


def test_everything_works_below_a_path_of_a_proxy(tmp_path: Path, site: VideoSite, open_page: Open) -> None:
    with System(tmp_path, site=site, MEDIANEST_URL="http://127.0.0.1/medianest/") as system:
        system.set_up()
        system.url += "/medianest"
        page = open_page(system).page
        page.goto(system.url)  # without the closing slash
        expect(page).to_have_url(f"{system.url}/")
        expect_live(page)
        row = submit(page, site.url("/small.mp4"))
        expect(row).to_have_attribute("data-state", "succeeded")
        manifest = page.locator("link[rel=manifest]").evaluate("link => link.href")
        assert page.context.request.get(manifest).json()["name"] == "MediaNest"
