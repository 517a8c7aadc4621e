"""How signing in with Plex can end, but for getting in: a screen of its own for each."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app.pages.hands import expect_live, expect_no_overflow
from tests.app.pages.plex_hands import choose, code_of, expect_in, go_to_plex
from tests.app.pages.watched import Open
from tests.standins.plex_sample import Sample
from tests.system import System

pytestmark = pytest.mark.browser

SOCKETS_END = 45_000  # milliseconds; an open feed ends within 30 seconds


def expect_end(page: Page, title: str) -> None:
    """A screen of its own, that has the keyboard."""
    expect(page.get_by_role("heading", level=1, name=title)).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect_no_overflow(page)


def user(system: System, name: str) -> dict[str, str] | None:
    people = system.call("GET", "/api/v1/users").body["items"]
    return next((one for one in people if one["name"] == name), None)


def test_a_code_that_ran_out_is_said_and_a_new_start_is_one_press_away(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    page = open_page(plex_system, signed_in=False, width=320, elsewhere=sample.plex_tv.base).page
    page.get_by_role("button", name="Use a code instead").click()
    sample.plex_tv.expire(code_of(page))
    expect_end(page, "The time ran out")
    go_to_plex(page, sample, "Try again")
    choose(page, sample.friend)
    expect_in(page, sample.friend)


def test_who_gives_up_is_back_at_the_sign_in(plex_system: System, sample: Sample, open_page: Open) -> None:
    page = open_page(plex_system, signed_in=False, elsewhere=sample.plex_tv.base).page
    page.get_by_role("button", name="Use a code instead").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1, name="MediaNest")).to_be_focused()
    expect(page.get_by_role("button", name="Sign in with Plex")).to_be_visible()


def test_an_account_without_access_is_told_whom_to_ask_and_leaves_no_account(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    page = open_page(plex_system, signed_in=False, width=320, elsewhere=sample.plex_tv.base).page
    go_to_plex(page, sample)
    choose(page, sample.stranger)
    expect_end(page, "This account cannot come in")
    expect(page.locator("#over-text")).to_contain_text("Ask the owner to share it with you")
    assert user(plex_system, sample.stranger.name) is None
    go_to_plex(page, sample, "Try with another account")
    choose(page, sample.friend)
    expect_in(page, sample.friend)


def test_who_is_suspended_is_sent_out_of_the_open_page_and_told_why_at_the_door(
    plex_system: System, sample: Sample, open_page: Open
) -> None:
    watched = open_page(plex_system, signed_in=False, width=320, elsewhere=sample.plex_tv.base)
    page = watched.page
    go_to_plex(page, sample)
    choose(page, sample.friend)
    expect_in(page, sample.friend)
    expect_live(page)

    admin = open_page(plex_system, "people").page
    admin.get_by_role("button", name=f"Change {sample.friend.name}").click()
    form = admin.get_by_role("form", name=f"Change {sample.friend.name}")
    form.get_by_label("Role").select_option("suspended")
    expect(form).to_contain_text("signed out everywhere at once")
    form.get_by_role("button", name="Save").click()
    expect(admin.locator("li.entry", has_text=sample.friend.name)).to_contain_text("on hold")

    watched.expected = {401}
    expect(page.get_by_text("Your session has ended")).to_be_visible(timeout=SOCKETS_END)
    go_to_plex(page, sample)
    choose(page, sample.friend)
    expect_end(page, "Your account is suspended")
    page.get_by_role("button", name="Back to the sign-in").click()
    expect(page.get_by_role("button", name="Sign in with Plex")).to_be_visible()


def test_a_new_friend_waits_until_an_admin_lets_them_in(
    tmp_path: Path, sample: Sample, open_page: Open
) -> None:
    with System(tmp_path, plex=sample, MEDIANEST_APPROVAL="true") as system:
        system.set_up()
        page = open_page(system, signed_in=False, width=320, elsewhere=sample.plex_tv.base).page
        go_to_plex(page, sample)
        choose(page, sample.friend)
        expect_end(page, "An admin has to let you in")

        admin = open_page(system, "people", width=320).page
        waiting = admin.get_by_role("region", name="Waiting to be let in")
        expect(waiting).to_contain_text(sample.friend.name)
        expect_no_overflow(admin)
        waiting.get_by_role("button", name="Let in").click()
        expect(waiting).to_be_hidden()
        expect(admin.locator("#everybody li.entry", has_text=sample.friend.name)).to_contain_text("Member")

        go_to_plex(page, sample, "Look again")
        choose(page, sample.friend)
        expect_in(page, sample.friend)


def test_who_is_refused_instead_is_told_so_at_the_next_try(
    tmp_path: Path, sample: Sample, open_page: Open
) -> None:
    with System(tmp_path, plex=sample, MEDIANEST_APPROVAL="true") as system:
        system.set_up()
        page = open_page(system, signed_in=False, elsewhere=sample.plex_tv.base).page
        go_to_plex(page, sample)
        choose(page, sample.child)
        expect_end(page, "An admin has to let you in")

        admin = open_page(system, "people").page
        admin.get_by_role("button", name=f"Refuse {sample.child.name}").click()
        row = admin.locator("#everybody li.entry", has_text=sample.child.name)
        expect(row).to_contain_text("Suspended")
        expect(row.get_by_role("button", name=f"Let in {sample.child.name}")).to_be_visible()
        go_to_plex(page, sample, "Look again")
        choose(page, sample.child)
        expect_end(page, "Your account is suspended")
