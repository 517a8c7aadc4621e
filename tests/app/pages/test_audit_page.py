"""The audit log in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.app.pages.watched import Open
from tests.system import System

pytestmark = pytest.mark.browser


def test_what_happened_is_told_in_words_and_found_again(system: System, open_page: Open) -> None:
    system.user_token("magpie")
    system.call("POST", "/api/v1/auth/login", {"username": "Magpie", "password": "guessed"}, token="")
    page = open_page(system, "audit").page
    entries = page.locator("li.entry")
    expect(entries.first).to_contain_text("Signed in with a password")
    failed = entries.filter(has_text="Entered a wrong name or password")
    expect(failed.first).to_contain_text("magpie")
    expect(failed.first).to_contain_text("nobody signed in")
    expect(failed.first).to_contain_text("127.0.0.1")

    page.get_by_label("Text").fill("magpie")
    expect(page).to_have_url(re.compile(r"\?q=magpie$"))
    mine = page.locator("li.entry:not(.skeleton)")
    expect(mine).to_have_count(3)  # the account, its token, and the wrong password
    page.reload()
    expect(mine).to_have_count(3)
    expect(page.get_by_label("Text")).to_have_value("magpie")
    page.get_by_label("Text").fill("nothing of the kind")
    expect(page.locator(".empty-title")).to_be_visible()
    page.get_by_role("button", name="Show everything").click()
    expect(entries.first).to_contain_text("Signed in with a password")


def test_it_is_filtered_by_what_and_who_and_when_and_back_works(system: System, open_page: Open) -> None:
    system.user_token("jay")
    open_page(system, name="jay")
    page = open_page(system, "audit").page
    entries = page.locator("li.entry:not(.skeleton)")
    page.get_by_label("What", exact=True).select_option("Signing in and out")
    page.get_by_label("Who").select_option("jay")
    expect(entries).to_have_count(1)
    expect(entries.first).to_contain_text("Signed in with a password")
    page.get_by_label("Until").fill("2020-01-31")
    expect(page.locator(".empty-title")).to_be_visible()
    page.go_back()
    expect(entries).to_have_count(1)
    expect(page.get_by_label("Until")).to_have_value("")


def test_there_is_more_of_it_and_all_of_it_as_a_file(system: System, open_page: Open) -> None:
    for number in range(60):
        change = {"paused": number % 2 == 0}
        assert system.call("PATCH", "/api/v1/admin/queues/probe", change).status == 200
    page = open_page(system, "audit").page
    page.get_by_label("What", exact=True).select_option("Queues")
    entries = page.locator("li.entry:not(.skeleton)")
    expect(entries).to_have_count(50)
    page.get_by_role("button", name="Load more").click()
    expect(entries).to_have_count(60)
    expect(page.get_by_role("button", name="Load more")).to_be_hidden()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    lines = download.value.path().read_text().strip().splitlines()
    assert len(lines) == 61
    assert "queue.changed" in lines[1]
