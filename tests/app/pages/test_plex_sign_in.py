"""Signing in with Plex, by going there and by a code, in a real browser against a stand-in for plex.tv."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.pages.hands import expect_live, expect_no_overflow
from tests.app.pages.plex_hands import Tap, choose, code_of, expect_in, go_to_plex, type_code
from tests.app.pages.watched import Open
from tests.standins.plex_sample import Sample
from tests.system import System

pytestmark = pytest.mark.browser

STRONG = 25  # letters of a PIN that nobody types


def test_the_owner_goes_to_plex_and_comes_back_as_admin(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    page = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base).page
    before = len(sample.plex_tv.pins.all)
    go_to_plex(page, sample)
    choose(page, sample.owner)
    expect_in(page, sample.owner)
    expect_live(page)
    expect(page).to_have_url(f"{plex_system.url}/")
    page.locator("#person").click()
    expect(page.get_by_text("looks after this MediaNest")).to_be_visible()
    assert [len(pin.code) for pin in sample.plex_tv.pins.all[before:]] == [STRONG]


def test_no_token_of_plex_comes_near_the_browser(tmp_path: Path, sample: Sample, open_page: Open) -> None:
    with Tap(sample.plex_tv.base) as plex_app:
        own = System(tmp_path, plex=sample, PLEX_APP_URL=plex_app.url)
        with own as system, Tap(system.url) as medianest:
            system.set_up()
            system.url = medianest.url
            pins = len(sample.plex_tv.pins.all)
            said: list[str] = []
            for person in (sample.owner, sample.friend):
                watched = open_page(system, "account", signed_in=False, elsewhere=plex_app.url)
                watched.context.on("console", lambda message: said.append(message.text))
                watched.page.get_by_role("button", name="Sign in with Plex").click()
                choose(watched.page, person)
                expect_in(watched.page, person)
                watched.page.goto(f"{system.url}/")
                expect_live(watched.page)

            made = sample.plex_tv.pins.all[pins:]
            tokens = [sample.plex_tv.accounts.access_token(sample.server, sample.friend)]
            tokens += [sample.owner.token, sample.friend.token, *(pin.token for pin in made if pin.token)]
            assert len(tokens) == 5
            for pin in made:  # what is looked for is found where it is
                assert medianest.times(pin.code) > 0 and plex_app.times(pin.code) > 0
            assert medianest.times("You are signed in.") == 2
            assert [(medianest.times(token), plex_app.times(token)) for token in tokens] == [(0, 0)] * 5
            assert not [text for text in said if any(token in text for token in tokens)]


@pytest.mark.parametrize("width", (320, 1280))
def test_a_friend_types_a_code_on_another_screen(
    plex_system: System, sample: Sample, open_page: Open, width: int
) -> None:
    watched = open_page(plex_system, signed_in=False, width=width, elsewhere=sample.plex_tv.base)
    page = watched.page
    page.get_by_role("button", name="Use a code instead").click()
    expect(page.get_by_role("heading", name="Waiting for Plex")).to_be_focused()
    code = code_of(page)
    expect(page.locator("#code-left")).to_contain_text("min")
    expect_no_overflow(page)
    page.reload()
    expect(page.locator("#plex-pin")).to_have_text(code)

    address = page.locator("#code-address").get_attribute("href") or ""
    type_code(watched.context, address, code, sample.friend)
    expect_in(page, sample.friend)


def test_who_asked_for_a_page_comes_to_it_after_signing_in(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    page = open_page(plex_system, "account", signed_in=False, elsewhere=sample.plex_tv.base).page
    go_to_plex(page, sample)
    choose(page, sample.friend)
    expect(page).to_have_url(f"{plex_system.url}/account")
    expect(page.get_by_role("heading", name=sample.friend.name)).to_be_visible()
    expect(page.get_by_text("signs in with Plex")).to_be_visible()


def test_a_plex_tv_that_hangs_ends_nothing(plex_system: System, sample: Sample, open_page: Open) -> None:
    page = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base).page
    stalled = sample.plex_tv.switches.stall("GET /api/v2/pins/")
    go_to_plex(page, sample)
    choose(page, sample.friend)
    expect(page.locator("#still")).to_contain_text("plex.tv does not answer")
    expect(page.locator("#still")).to_contain_text("Still trying")
    sample.plex_tv.switches.off(stalled)
    expect_in(page, sample.friend)


def test_a_server_that_is_away_ends_nothing(plex_system: System, sample: Sample, open_page: Open) -> None:
    page = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base).page
    away = sample.plex.switches.away()
    go_to_plex(page, sample)
    choose(page, sample.friend)
    expect(page.locator("#still")).to_contain_text("The Plex server cannot be reached. Still trying")
    sample.plex.switches.off(away)
    expect_in(page, sample.friend)


def test_a_medianest_that_is_away_ends_nothing(plex_system: System, sample: Sample, open_page: Open) -> None:
    watched = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base)
    page = watched.page
    page.get_by_role("button", name="Use a code instead").click()
    expect(page.locator("#still")).to_have_text("Waiting for Plex…")
    watched.context.set_offline(True)
    expect(page.locator("#still")).to_contain_text("MediaNest does not answer. Still trying")
    watched.context.set_offline(False)
    sample.plex_tv.claim(code_of(page), sample.friend)
    expect_in(page, sample.friend)


def test_a_plex_tv_that_is_away_at_the_start_is_said_and_can_be_tried_again(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    watched = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base)
    page = watched.page
    watched.expected = {503}
    away = sample.plex_tv.switches.away("POST /api/v2/pins")
    page.get_by_role("button", name="Sign in with Plex").click()
    expect(page.get_by_role("alert")).to_contain_text("plex.tv cannot be reached")
    sample.plex_tv.switches.off(away)
    go_to_plex(page, sample)


def test_it_works_below_a_path_of_a_proxy(tmp_path: Path, sample: Sample, open_page: Open) -> None:
    with System(tmp_path, plex=sample, MEDIANEST_URL="http://127.0.0.1/medianest/") as system:
        system.set_up()
        system.url += "/medianest"
        page = open_page(system, "account", signed_in=False, elsewhere=sample.plex_tv.base).page
        go_to_plex(page, sample)
        choose(page, sample.owner)
        expect(page).to_have_url(f"{system.url}/account")
        page.locator("#person").click()
        page.get_by_role("link", name="People").click()
        expect(page).to_have_url(f"{system.url}/people")
        expect(page.locator("li.entry", has_text=sample.owner.name)).to_contain_text("Admin")


def test_the_password_stands_folded_below(plex_system: System, open_page: Open) -> None:
    page = open_page(plex_system, signed_in=False).page
    expect(page.get_by_label("Password", exact=True)).to_be_hidden()
    page.get_by_text("Sign in with a password").click()
    name, password = plex_system.admin
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    expect(page.locator("#person")).to_contain_text(name)


def test_a_local_account_is_connected_with_plex_and_stays_the_same(
    tmp_path: Path, sample: Sample, open_page: Open
) -> None:
    with System(tmp_path, plex=sample) as system:
        system.set_up()
        watched = open_page(system, "account", width=320, elsewhere=sample.plex_tv.base)
        page = watched.page
        page.get_by_role("button", name="Connect with Plex").click()
        with watched.context.expect_page() as opened:
            page.get_by_role("link", name="Continue at Plex").click()
        expect_no_overflow(page)
        choose(opened.value, sample.owner)
        expect(page.get_by_text("signs in with Plex")).to_be_visible()
        expect(page.get_by_role("heading", name=system.admin[0])).to_be_visible()
        people = system.call("GET", "/api/v1/users").body["items"]
        assert [(one["name"], one["plex"]) for one in people] == [(system.admin[0], True)]


def test_a_plex_account_that_somebody_has_here_is_not_connected_and_the_reason_is_said(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    page = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base).page
    go_to_plex(page, sample)
    choose(page, sample.friend)
    expect_in(page, sample.friend)
    watched = open_page(plex_system, "account", elsewhere=sample.plex_tv.base)
    watched.page.get_by_role("button", name="Connect with Plex").click()
    with watched.context.expect_page() as opened:
        watched.page.get_by_role("link", name="Continue at Plex").click()
    choose(opened.value, sample.friend)
    expect(watched.page.get_by_role("alert")).to_contain_text("belongs to another account here")
    watched.page.reload()
    expect(watched.page.get_by_role("heading", name=plex_system.admin[0])).to_be_visible()
