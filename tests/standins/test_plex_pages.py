"""What people see of the stand-in for plex.tv, by hand and in a real browser."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from playwright.sync_api import Page, Playwright, expect, sync_playwright

from tests.app.pages.conftest import FLAGS
from tests.conftest import CHROMIUM
from tests.standins.plex_sample import Sample

OURS = {"Accept": "application/json", "X-Plex-Client-Identifier": "a-client"}

ByHand = Callable[[Callable[[Page], None]], None]


@pytest.fixture(scope="module")
def by_hand() -> Iterator[ByHand]:
    """Does something with a page of a real browser, in a thread of its own: each can have one driver only."""

    def open_browser() -> tuple[Playwright, Page]:
        driver = sync_playwright().start()
        return driver, driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS).new_page()

    with ThreadPoolExecutor(1) as thread:
        driver, page = thread.submit(open_browser).result()
        yield lambda act: thread.submit(act, page).result()
        thread.submit(driver.stop).result()


def make_pin(sample: Sample, strong: str = "true") -> dict[str, Any]:
    address = f"{sample.plex_tv.base}/api/v2/pins?strong={strong}"
    pin: dict[str, Any] = requests.post(address, headers=OURS, timeout=10).json()
    return pin


def token_in(sample: Sample, pin: dict[str, Any]) -> str | None:
    address = f"{sample.plex_tv.base}/api/v2/pins/{pin['id']}"
    token: str | None = requests.get(address, headers=OURS, timeout=10).json()["authToken"]
    return token


def auth_url(sample: Sample, code: str, mark: str = "#?", **more: str) -> str:
    words = {"clientID": "a-client", "code": code, "context[device][product]": "MediaNest", **more}
    return f"{sample.plex_tv.base}/auth{mark}{urlencode(words)}"


@pytest.mark.browser
@pytest.mark.parametrize("mark", ["#?", "#!?", "/#!?"])
def test_who_is_chosen_is_signed_in_and_goes_on(sample: Sample, by_hand: ByHand, mark: str) -> None:
    pin, back = make_pin(sample), f"{sample.plex.base}/identity?back=1&x=%C3%A4"

    def choose(page: Page) -> None:
        page.goto(auth_url(sample, pin["code"], mark, forwardUrl=back))
        expect(page.locator("#product")).to_have_text("MediaNest")
        page.get_by_role("button", name="felix").click()
        page.wait_for_url(back)

    by_hand(choose)
    token = token_in(sample, pin)
    assert sample.plex_tv.accounts.person_of(str(token)) is sample.friend


@pytest.mark.browser
def test_a_refusal_goes_on_with_nothing_claimed(sample: Sample, by_hand: ByHand) -> None:
    pin, back = make_pin(sample), f"{sample.plex.base}/identity?refused"

    def refuse(page: Page) -> None:
        page.goto(auth_url(sample, pin["code"], forwardUrl=back))
        page.get_by_role("button", name="Refuse").click()
        page.wait_for_url(back)

    by_hand(refuse)
    assert token_in(sample, pin) is None


@pytest.mark.browser
def test_a_pin_that_is_over_or_another_apps_is_told_on_the_page(sample: Sample, by_hand: ByHand) -> None:
    over, foreign = make_pin(sample), make_pin(sample)
    sample.plex_tv.expire(over["id"])
    urls = (
        auth_url(sample, over["code"], forwardUrl=sample.plex.base),
        auth_url(sample, foreign["code"], clientID="another"),
    )

    def try_each(page: Page) -> None:
        for url in urls:
            page.goto("about:blank")
            page.goto(url)
            page.get_by_role("button", name="felix").click()
            expect(page.get_by_role("alert")).to_have_text(re.compile("unable to complete"))

    by_hand(try_each)
    assert token_in(sample, foreign) is None


def test_four_letters_are_typed_and_the_device_is_linked(sample: Sample) -> None:
    pin = make_pin(sample, strong="false")
    link = f"{sample.plex_tv.base}/link"
    assert "felix" in requests.get(link, timeout=10).text
    form = {"code": pin["code"].lower(), "person": str(sample.friend.id)}
    linked = requests.post(link, data=form, timeout=10)
    assert (linked.status_code, "is linked" in linked.text) == (200, True)
    assert sample.plex_tv.accounts.person_of(str(token_in(sample, pin))) is sample.friend


def test_a_wrong_or_a_strong_code_links_nothing(sample: Sample) -> None:
    strong = make_pin(sample)
    for code in ("----", strong["code"]):
        form = {"code": code, "person": str(sample.friend.id)}
        refused = requests.post(f"{sample.plex_tv.base}/link", data=form, timeout=10)
        assert (refused.status_code, "not valid" in refused.text) == (404, True)
    assert token_in(sample, strong) is None


def test_no_page_names_a_token(sample: Sample) -> None:
    shown = "".join(requests.get(sample.plex_tv.base + path, timeout=10).text for path in ("/auth", "/link"))
    assert not [person for person in sample.plex_tv.accounts.people if person.token in shown]
