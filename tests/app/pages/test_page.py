"""The page in a real browser, on the real system: what a person sees and does."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, WebSocketRoute, expect

from tests.app.pages.watched import PATIENCE, Open
from tests.standins.video_site import VideoSite
from tests.system import System

pytestmark = pytest.mark.browser

expect.set_options(timeout=PATIENCE)

WIDTHS = (320, 1280)
FILE = "/large.mp4"


def address_of(system: System, gate: str) -> str:
    """A video that takes four seconds and stops in the middle until the gate is opened."""
    return system.site.url(f"{FILE}?rate=3000000&gate={gate}")


def is_submission(answer: Response) -> bool:
    return answer.request.method == "POST" and answer.url.endswith("/api/v1/jobs")


@contextmanager
def submission(page: Page) -> Iterator[list[Any]]:
    """Collects the answer to the POST that happens inside."""
    found: list[Any] = []
    with page.expect_response(is_submission) as info:
        yield found
    found.append(info.value.json())


def submit(page: Page, address: str) -> Locator:
    """Paste the address, press Enter; the row of the new job."""
    page.get_by_role("textbox", name="Video address").fill(address)
    with submission(page) as answers:
        page.keyboard.press("Enter")
    return page.locator(f"#job-{answers[0]['id']}")


def button(row: Locator, action: str) -> Locator:
    return row.locator(f"[data-act={action}]")


def expect_live(page: Page) -> None:
    expect(page.locator("#connection")).to_contain_text("Live")


def expect_no_overflow(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def done_part(row: Locator) -> float:
    """The percent that the bar shows, -1 while it is unknown."""
    return float(row.locator(".bar").get_attribute("aria-valuenow") or -1)


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
    expect(row.locator(".file-path")).to_contain_text(".mp4")
    expect(row.locator(".file-size")).to_contain_text("MB")
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


def test_everything_works_below_a_path_of_a_proxy(tmp_path: Path, site: VideoSite, open_page: Open) -> None:
    with System(tmp_path, MEDIANEST_URL="http://127.0.0.1/medianest/") as system:
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


def test_an_ended_session_leads_back_to_the_sign_in(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    expect_live(page)
    watched.expected = {401}
    watched.context.clear_cookies()
    page.get_by_role("button", name="Done", exact=True).click()
    expect(page.get_by_text("Your session has ended")).to_be_visible()


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
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, .brand")]
          .filter((element) => element.checkVisibility() && !["radio", "checkbox"].includes(element.type))
          .map((element) => [element.getBoundingClientRect(), element.outerHTML])
          .filter(([box]) => box.height < 43.9 || box.width < 43.9)
          .map(([, html]) => html)"""
    )
    assert small == []


def test_the_sign_in_fits_on_a_small_phone(system: System, open_page: Open) -> None:
    page = open_page(system, width=320, signed_in=False).page
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect_no_overflow(page)


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
