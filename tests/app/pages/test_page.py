"""The page in a real browser, on the real system: what a person sees and does."""

import re

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.app.pages.hands import (
    address_of,
    button,
    done_part,
    expect_live,
    expect_no_overflow,
    submission,
    submit,
)
from tests.app.pages.watched import Open
from tests.system import System

pytestmark = pytest.mark.browser

WIDTHS = (320, 1280)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_pasted_address_is_fetched_while_one_watches(system: System, open_page: Open, width: int) -> None:
    page = open_page(system, width=width).page
    expect_live(page)
    page.evaluate("window.sameDocument = true")
    gate = f"watched-{width}"
    row = submit(page, address_of(system, gate))
    expect(row).to_have_attribute("data-state", "running")
    expect(row.locator(".bar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))
    expect(page).to_have_title(re.compile(r"^\(\d+%\) MediaNest$"))
    expect(row.locator(".amount")).to_contain_text("MB")
    expect_no_overflow(page)
    halfway = done_part(row)

    system.site.open(gate)
    expect(row).to_have_attribute("data-state", "succeeded")
    assert 0 < halfway < 100
    expect(row.locator(".job-state")).to_have_text("Done")
    expect(row.locator(".file-path").first).to_contain_text(".mp4")
    expect(row.locator(".file-size").first).to_contain_text("MB")
    expect(page.locator("#said")).to_contain_text("Finished")
    assert page.evaluate("window.sameDocument")
    expect_no_overflow(page)


def test_a_download_can_be_paused_and_goes_on(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, address_of(system, "paused"))
    expect(row.locator(".bar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))
    button(row, "pause").click()
    expect(row).to_have_attribute("data-state", "paused")
    expect(button(row, "pause")).to_be_hidden()
    expect(button(row, "cancel")).to_be_visible()

    system.site.open("paused")
    button(row, "resume").click()
    expect(row).to_have_attribute("data-state", "succeeded")


def test_a_download_can_be_cancelled_and_tried_again(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, address_of(system, "cancelled"))
    expect(row).to_have_attribute("data-state", "running")
    button(row, "cancel").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    expect(button(row, "retry")).to_be_focused()  # the pressed button is gone, the keyboard's place is not

    system.site.open("cancelled")
    button(row, "retry").click()
    expect(row).to_have_attribute("data-state", "succeeded")
    expect(button(row, "retry")).to_be_hidden()


def test_the_details_tell_what_happened(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, system.site.url("/small.mp4"))
    expect(row).to_have_attribute("data-state", "succeeded")
    toggle = row.get_by_role("button", name=re.compile("^Details"))
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(row.locator(".history li").first).to_contain_text("Asked for")
    expect(row.locator(".history")).to_contain_text("Done")
    page.keyboard.press("Escape")
    expect(row.locator(".job-details")).to_be_hidden()


def test_a_failure_stands_there_with_its_reason(system: System, open_page: Open) -> None:
    page = open_page(system).page
    row = submit(page, system.site.url("/no-such-video.mp4"))
    expect(row).to_have_attribute("data-state", "failed")
    expect(row.locator(".trouble-text")).not_to_be_empty()
    expect(button(row, "retry")).to_be_visible()

    page.get_by_role("button", name="Failed", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?show=failed$"))
    expect(row).to_be_visible()
    expect(page.locator("li.job:not([data-state=failed])")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("button", name="All", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_refused_address_is_explained_at_its_field(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    watched.expected = {422}
    field = page.get_by_role("textbox", name="Video address")
    field.fill("ftp://video.example/film.mp4")
    page.keyboard.press("Enter")
    expect(page.locator("#url-wrong")).to_contain_text("not a web address")
    expect(field).to_be_focused()

    field.fill("http://robin:secret@video.example/film.mp4")
    page.keyboard.press("Enter")
    expect(page.locator("#url-wrong")).to_contain_text("user name or password")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_a_broken_answer_is_shown_with_an_id_that_can_be_copied(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    watched.expected = {404}
    row = submit(page, system.site.url("/small.mp4"))
    expect(row).to_have_attribute("data-state", "succeeded")
    # asked for under a number that does not exist: the real server's 404 with its real request id
    page.route("**/api/v1/jobs", lambda route: route.continue_(url=f"{watched.base}/api/v1/nothing-here"))
    page.get_by_role("textbox", name="Video address").fill(system.site.url("/small.mp4"))
    page.keyboard.press("Enter")
    problem = page.locator("#download .problem")
    expect(problem.locator("code")).to_have_text(re.compile(r"[A-Za-z0-9._-]{8,64}"))
    problem.get_by_role("button", name="Copy").click()
    expect(problem.get_by_role("button", name="Copied")).to_be_visible()


def test_what_is_chosen_in_the_form_reaches_the_job(system: System, open_page: Open) -> None:
    page = open_page(system).page
    page.get_by_text("Audio only").click()
    page.get_by_label("Quality").select_option("720")
    page.get_by_role("button", name="Options").click()
    page.get_by_label("Container").select_option("mkv")
    page.get_by_role("textbox", name="Video address").fill(system.site.url("/audio.m4a"))
    with submission(page) as answers:
        page.get_by_role("button", name="Download").click()
    chosen = {name: answers[0]["params"][name] for name in ("mode", "quality", "container")}
    assert chosen == {"mode": "audio", "quality": "720", "container": "mkv"}


def test_an_address_pasted_anywhere_on_the_page_lands_in_the_field(system: System, open_page: Open) -> None:
    page = open_page(system).page
    expect_live(page)
    page.evaluate(
        """() => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text", "https://video.example/watch");
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    expect(page.get_by_role("textbox", name="Video address")).to_have_value("https://video.example/watch")
    expect(page.get_by_role("textbox", name="Video address")).to_be_focused()


def test_the_keyboard_alone_is_enough(system: System, open_page: Open) -> None:
    page = open_page(system).page
    expect_live(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Video address")).to_be_focused()
    page.keyboard.type(address_of(system, "keyboard"))
    with submission(page) as answers:
        page.keyboard.press("Enter")
    row = page.locator(f"#job-{answers[0]['id']}")
    expect(row).to_have_attribute("data-state", "running")

    for _ in range(40):
        page.keyboard.press("Tab")
        if button(row, "cancel").evaluate("element => element === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("data-state", "cancelled")
    expect(button(row, "retry")).to_be_focused()


def test_a_broken_feed_reconnects_and_goes_on_where_it_was(system: System, open_page: Open) -> None:
    watched = open_page(system, signed_in=True)
    page = watched.page
    sockets: list[WebSocketRoute] = []
    refuse = [False]

    def pass_on(socket: WebSocketRoute) -> None:
        if refuse[0]:
            socket.close(code=1013)
            return
        sockets.append(socket)
        socket.connect_to_server()

    page.route_web_socket("**/ws**", pass_on)
    page.reload()
    expect_live(page)
    row = submit(page, address_of(system, "feed"))
    expect(row.locator(".bar")).to_have_attribute("aria-valuenow", re.compile(r"[1-9]\d?"))

    refuse[0] = True
    sockets[-1].close(code=1012)
    expect(page.locator("#connection")).to_have_attribute("data-state", re.compile("reconnecting|offline"))
    expect(page.locator("#connection")).to_contain_text(re.compile("Reconnecting|Offline"))
    system.site.open("feed")
    refuse[0] = False
    expect_live(page)
    assert "since=" in sockets[-1].url
    expect(row).to_have_attribute("data-state", "succeeded")


def test_what_happened_while_the_browser_was_offline_is_there_afterwards(
    system: System, open_page: Open
) -> None:
    watched = open_page(system)
    page = watched.page
    expect_live(page)
    watched.context.set_offline(True)
    expect(page.locator("#connection")).to_contain_text("Offline")
    watched.context.set_offline(False)
    answer = watched.context.request.post(
        f"{watched.base}/api/v1/jobs",
        data={"kind": "download", "params": {"url": system.site.url("/small.mp4")}},
    )
    expect_live(page)
    row = page.locator(f"#job-{answer.json()['id']}")
    expect(row).to_have_attribute("data-state", "succeeded")
