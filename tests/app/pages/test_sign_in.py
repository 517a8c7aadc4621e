"""The first run and signing in, in a real browser on the real system."""

import pytest
from playwright.sync_api import expect

from tests.app.pages.hands import expect_live, expect_no_overflow
from tests.app.pages.watched import Open
from tests.system import System

pytestmark = pytest.mark.browser


def test_the_first_visitor_with_the_setup_code_becomes_the_admin(
    fresh_system: System, open_page: Open
) -> None:
    watched = open_page(fresh_system, signed_in=False)
    page = watched.page
    watched.expected = {403, 422}
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to your nest")
    page.get_by_label("Setup code").fill("AAAA-AAAA-AAAA")
    page.get_by_label("User name").fill("robin")
    page.get_by_label("Password", exact=True).fill("a nest in the old oak")
    page.keyboard.press("Enter")
    expect(page.locator(".problem-title")).to_have_text("The setup code is not right")
    expect(page.get_by_label("Setup code")).to_be_focused()

    page.get_by_label("Setup code").fill(fresh_system.setup_code)
    page.get_by_label("Password", exact=True).fill("short")
    page.keyboard.press("Enter")
    expect(page.locator("#password-wrong")).to_be_visible()

    page.get_by_label("Password", exact=True).fill("a nest in the old oak")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connect your Plex server")
    page.get_by_role("link", name="Skip for now").click()
    expect(page.locator("#person")).to_contain_text("robin")
    expect(page.get_by_text("The nest is empty")).to_be_visible()
    expect_live(page)


def test_the_setup_code_may_be_typed_in_small_letters_without_dashes(
    fresh_system: System, open_page: Open
) -> None:
    page = open_page(fresh_system, signed_in=False).page
    page.get_by_label("Setup code").press_sequentially(fresh_system.setup_code.replace("-", "").lower())
    expect(page.get_by_label("Setup code")).to_have_value(fresh_system.setup_code)


def test_a_wrong_password_is_said_in_words_and_the_right_one_signs_in_and_out(
    system: System, open_page: Open
) -> None:
    watched = open_page(system, signed_in=False)
    page = watched.page
    watched.expected = {401}
    name, password = system.admin
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill("not this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Name or password is not right")

    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    expect(page.locator("#person")).to_contain_text(name)
    expect_live(page)

    page.locator("#person").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_an_ended_session_leads_back_to_the_sign_in(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    expect_live(page)
    watched.expected = {401}
    watched.context.clear_cookies()
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_text("Your session has ended")).to_be_visible()


def test_the_sign_in_fits_on_a_small_phone(system: System, open_page: Open) -> None:
    page = open_page(system, width=320, signed_in=False).page
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect_no_overflow(page)
