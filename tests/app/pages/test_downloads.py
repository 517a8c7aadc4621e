"""Playlists, options, quotas and what goes wrong with downloads, in a real browser on the real system."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, expect

from tests.app.pages.hands import address_of, button, expect_live, expect_no_overflow, submission, submit
from tests.app.pages.watched import Open
from tests.system import System

pytestmark = pytest.mark.browser


def counted(row: Locator) -> Locator:
    return row.locator(".entries-toggle").first


def entries(row: Locator) -> Locator:
    return row.locator(".entries li.job")


@pytest.mark.parametrize("width", (320, 800, 1600))
def test_a_playlist_unfolds_and_its_entries_are_fetched_while_one_watches(
    system: System, open_page: Open, width: int
) -> None:
    page = open_page(system, width=width).page
    expect_live(page)
    gate = f"list-{width}"
    large = quote(address_of(system, gate), safe="")
    row = submit(page, system.site.url(f"/rss.xml?items=2&gate={gate}&address={large}"))
    expect(counted(row)).to_contain_text("2 entries")
    expect(counted(row)).to_contain_text("2 to come")
    expect(row.locator(".job-title").first).to_have_text("Harbour Films, all of it")
    counted(row).click()
    expect(counted(row)).to_have_attribute("aria-expanded", "true")
    expect(entries(row)).to_have_count(2)
    expect(entries(row).first.locator(".job-title")).to_contain_text("entry=1")
    expect(entries(row).first).to_have_attribute("data-state", "running")
    expect(entries(row).last.locator(".bar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))
    expect_no_overflow(page)

    system.site.open(gate)
    expect(row).to_have_attribute("data-state", "succeeded")
    for place in range(2):
        expect(entries(row).nth(place)).to_have_attribute("data-state", "succeeded")
        expect(entries(row).nth(place).locator(".file-path").first).to_contain_text(".mp4")
    expect(counted(row)).to_contain_text("2 done")
    expect(counted(row)).not_to_contain_text("to come")
    expect(page.locator("#jobs > li.job", has_text="entry=")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(row.locator(".entries").first).to_be_hidden()


def test_a_playlist_says_which_of_its_entries_failed_and_what_to_do(system: System, open_page: Open) -> None:
    page = open_page(system).page
    missing = system.site.url("/no-such-entry.mp4")
    row = submit(page, system.site.url(f"/rss.xml?items=2&address={missing}&x=one-fails"))
    expect(row).to_have_attribute("data-state", "succeeded")
    expect(counted(row)).to_contain_text("1 done")
    expect(counted(row)).to_contain_text("1 failed")
    page.reload()
    counted(row).click()
    failed = row.locator(".entries li.job[data-state=failed]")
    expect(failed.locator(".trouble-text")).to_have_text("The video does not exist, or no longer does.")
    expect(failed.locator(".trouble-advice")).to_contain_text("Open the address in a browser")
    expect(button(failed, "retry")).to_be_visible()
    expect(entries(row).first.locator(".job-state")).to_have_css(
        "color", row.locator(".job-state").first.evaluate("element => getComputedStyle(element).color")
    )


def test_cancelling_a_playlist_cancels_its_entries(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, system.site.url("/rss.xml?items=3&gate=never"))
    counted(row).click()
    expect(entries(row)).to_have_count(3)
    button(row, "cancel").first.click()
    expect(row).to_have_attribute("data-state", "cancelled")
    for place in range(3):
        expect(entries(row).nth(place)).to_have_attribute("data-state", "cancelled")
    expect(counted(row)).to_contain_text("3 cancelled")


def test_a_long_playlist_leaves_the_other_jobs_in_the_list(system: System, open_page: Open) -> None:
    page = open_page(system).page
    older = submit(page, system.site.url("/small.mp4?x=older"))
    expect(older).to_have_attribute("data-state", "succeeded")
    row = submit(page, system.site.url("/rss.xml?items=60&gate=never"))
    expect(counted(row)).to_contain_text("60 entries")
    button(row, "cancel").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    page.reload()
    expect(row).to_be_visible()
    expect(older).to_be_visible()


def test_an_entry_can_be_steered_by_itself(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, system.site.url("/rss.xml?items=2&gate=steered"))
    counted(row).click()
    button(entries(row).first, "cancel").click()
    expect(entries(row).first).to_have_attribute("data-state", "cancelled")
    expect(entries(row).last).to_have_attribute("data-state", "running")
    system.site.open("steered")
    expect(row).to_have_attribute("data-state", "succeeded")
    button(entries(row).first, "retry").click()
    expect(counted(row)).to_contain_text("2 done")


def test_a_failure_shows_what_can_be_done_and_a_wait_when_it_ends(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, system.site.url("/no-such-video.mp4?x=advice"))
    expect(row).to_have_attribute("data-state", "failed")
    expect(row.locator(".trouble-text")).to_have_text("The video does not exist, or no longer does.")
    expect(row.locator(".trouble-advice")).to_contain_text("Open the address in a browser")

    row = submit(page, system.site.url("/small.mp4?status=503&x=wait"))
    expect(row).to_have_attribute("data-state", "scheduled")
    expect(row.locator(".trouble-text")).to_contain_text("(try 1 of 5)")
    expect(row.locator(".countdown")).to_contain_text(re.compile(r"Next try in \d+|Any moment now"))
    button(row, "cancel").click()


def test_every_option_reaches_the_job(system: System, open_page: Open) -> None:
    page = open_page(system).page
    page.get_by_role("button", name="Options").click()
    page.get_by_label("Subtitles").fill("en, de")
    page.get_by_label("Write tags into the file").check()
    expect(page.get_by_label("Which entries")).to_have_attribute("placeholder", "1:50")
    page.get_by_label("Which entries").fill("1:2")
    page.get_by_role("textbox", name="Video address").fill(system.site.url("/rss.xml?items=3&x=options"))
    with submission(page) as answers:
        page.get_by_role("button", name="Download").click()
    chosen = {name: answers[0]["params"][name] for name in ("subtitles", "embed", "items")}
    assert chosen == {"subtitles": ["en", "de"], "embed": True, "items": "1:2"}
    expect(counted(page.locator(f"#job-{answers[0]['id']}"))).to_contain_text("2 entries")


def test_a_wrong_option_is_explained_at_its_field(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    watched.expected = {422}
    page.get_by_role("button", name="Options").click()
    page.get_by_label("Which entries").fill("9:3")
    page.get_by_role("textbox", name="Video address").fill(system.site.url("/rss.xml?x=wrong"))
    page.keyboard.press("Enter")
    expect(page.locator("#items-wrong")).to_contain_text("from a lower to a higher place")
    expect(page.get_by_label("Which entries")).to_be_focused()


def test_the_form_says_how_many_downloads_are_left(system: System, open_page: Open) -> None:
    system.user_token("robin")
    watched = open_page(system, name="robin")
    page = watched.page
    for left in range(5, 0, -1):
        expect(page.locator("#quota")).to_have_text(f"{left} of 5 downloads left this hour.")
        submit(page, system.site.url(f"/no-such-video.mp4?quota={left}"))
    expect(page.locator("#quota")).to_contain_text(
        re.compile(r"No downloads left this hour\. The next one in 59 min|in 1 h")
    )
    watched.expected = {429}
    page.get_by_role("textbox", name="Video address").fill(system.site.url("/small.mp4?quota=0"))
    page.keyboard.press("Enter")
    expect(page.locator("#download .problem")).to_contain_text("Try again in")


def test_who_has_no_quota_is_told_nothing_of_one(system: System, open_page: Open) -> None:
    page = open_page(system).page
    expect_live(page)
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator("#quota")).to_be_hidden()
