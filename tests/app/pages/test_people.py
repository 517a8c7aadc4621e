"""The page of the people, for admins, in a real browser."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.pages.hands import expect_no_overflow
from tests.app.pages.watched import Open
from tests.system import System

pytestmark = pytest.mark.browser


def row_of(page: Page, name: str) -> Locator:
    return page.locator("li.entry", has=page.locator(".name", has_text=name))


def opened(page: Page, name: str) -> Locator:
    """The form of a person, unfolded."""
    page.get_by_role("button", name=f"Change {name}").click()
    return page.get_by_role("form", name=f"Change {name}")


def user(system: System, name: str) -> dict[str, Any]:
    people = system.call("GET", "/api/v1/users").body["items"]
    return next(dict(one) for one in people if one["name"] == name)


@pytest.mark.parametrize("width", (320, 1280))
def test_what_somebody_may_do_is_changed_and_kept(system: System, open_page: Open, width: int) -> None:
    name = f"robin{width}"
    system.user_token(name)
    page = open_page(system, "people", width=width).page
    form = opened(page, name)
    form.get_by_label("Start scans of the library").uncheck()
    form.get_by_label("Downloads").fill("12")
    expect_no_overflow(page)
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()
    expect(page.get_by_role("button", name=f"Change {name}")).to_be_focused()
    found = user(system, name)
    assert found["permissions"] == {"download": True, "request": True, "scan": False}
    assert found["quotas"] == {"download": 12, "request": None}
    expect(opened(page, name).get_by_label("Downloads")).to_have_value("12")


def test_who_may_not_download_is_told_so_at_the_form(system: System, open_page: Open) -> None:
    system.user_token("owl")
    permissions = {"permissions": {"download": False}}
    number = user(system, "owl")["id"]
    assert system.call("PATCH", f"/api/v1/users/{number}", permissions).status == 200
    page = open_page(system, name="owl").page
    expect(page.get_by_text("An admin does not let you download videos.")).to_be_visible()
    expect(page.get_by_role("button", name="Download")).to_be_disabled()


def test_a_wrong_quota_is_explained_at_its_field(system: System, open_page: Open) -> None:
    system.user_token("tit")
    watched = open_page(system, "people")
    watched.expected = {422}
    form = opened(watched.page, "tit")
    form.get_by_label("Downloads").fill("-3")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Downloads")).to_be_focused()
    expect(form.get_by_label("Downloads")).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".wrong:visible")).to_have_count(1)


def test_a_friend_is_suspended_and_let_in_again(system: System, open_page: Open) -> None:
    token = system.user_token("wren")
    page = open_page(system, "people").page
    form = opened(page, "wren")
    form.get_by_label("Role").select_option("suspended")
    form.get_by_role("button", name="Save").click()
    expect(row_of(page, "wren")).to_contain_text("on hold")
    assert system.call("GET", "/api/v1/me", token=token).status == 403
    page.get_by_role("button", name="Let in wren").click()
    expect(row_of(page, "wren").locator(".role")).to_have_text("Member")
    assert system.call("GET", "/api/v1/me", token=token).status == 200


def test_who_would_come_in_again_by_themselves_can_be_kept_out_for_good(
    system: System, open_page: Open
) -> None:
    system.user_token("kite")
    with closing(sqlite3.connect(system.data / "medianest.db")) as database, database:
        database.execute("UPDATE account SET role = 'suspended', suspended = 'access' WHERE name = 'kite'")
    page = open_page(system, "people").page
    expect(row_of(page, "kite")).to_contain_text("They come in again")
    expect(page.get_by_role("button", name="Let in kite")).to_be_hidden()
    page.get_by_role("button", name="Keep out kite").click()
    expect(row_of(page, "kite")).to_contain_text("on hold")
    expect(page.get_by_role("button", name="Keep out kite")).to_be_hidden()
    assert user(system, "kite")["suspended"] == "admin"


def test_the_last_admin_stays_and_is_told_why(system: System, open_page: Open) -> None:
    watched = open_page(system, "people")
    page = watched.page
    watched.expected = {409}
    name, _ = system.admin
    expect(row_of(page, name)).to_contain_text("You")
    form = opened(page, name)
    expect(form).to_contain_text("The only admin")
    expect(form.get_by_label("Downloads")).to_be_hidden()
    form.get_by_label("Role").select_option("user")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("Make somebody else an admin first")
    form.get_by_role("button", name=f"Delete {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(form.get_by_role("alert")).to_contain_text("Make somebody else an admin first")
    assert user(system, name)["role"] == "admin"


def test_deleting_asks_once_more(system: System, open_page: Open) -> None:
    system.user_token("crow")
    page = open_page(system, "people").page
    form = opened(page, "crow")
    form.get_by_role("button", name="Delete crow").click()
    dialog = page.get_by_role("dialog", name="Delete crow?")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(form.get_by_role("button", name="Delete crow")).to_be_focused()
    form.get_by_role("button", name="Delete crow").click()
    dialog.get_by_role("button", name="Delete for good").click()
    expect(row_of(page, "crow")).to_have_count(0)
    assert "crow" not in [one["name"] for one in system.call("GET", "/api/v1/users").body["items"]]


@pytest.mark.parametrize("path", ("people", "services", "audit"))
def test_a_friend_gets_a_plain_page_that_refuses(system: System, open_page: Open, path: str) -> None:
    if path == "people":
        system.user_token("dove")
    watched = open_page(system, name="dove")
    page = watched.page
    watched.expected = {403}
    page.goto(f"{system.url}/{path}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("This is for admins")
    page.get_by_role("link", name="Go to MediaNest").click()
    expect(page.locator("#person")).to_contain_text("dove")


def test_the_menu_has_for_everybody_what_is_theirs_and_the_keyboard_gets_through_it(
    system: System, open_page: Open
) -> None:
    system.user_token("lark")
    page = open_page(system, name="lark").page
    page.locator("#person").click()
    menu = page.get_by_role("navigation", name="Pages")
    expect(menu.get_by_role("link")).to_have_text(["Home", "Your account"])

    page = open_page(system).page
    page.locator("#person").focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("navigation", name="Pages")
    expect(menu.get_by_role("link")).to_have_text(["Home", "Your account", "People", "Services", "Audit log"])
    expect(menu.get_by_role("link", name="Home")).to_have_attribute("aria-current", "page")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator("#person")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="People")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{system.url}/people")
    page.locator("#person").click()
    expect(page.get_by_role("link", name="People")).to_have_attribute("aria-current", "page")
