"""One's own account in a real browser: rights, sessions, personal tokens, and the way there."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.pages.hands import expect_no_overflow
from tests.app.pages.watched import Open
from tests.system import System

pytestmark = pytest.mark.browser


def tokens_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Personal tokens")


def new_token(page: Page, label: str, *without: str) -> str:
    """Make a token by the form, lacking some of what it may do; the token."""
    section = tokens_of(page)
    section.get_by_role("button", name="New token").click()
    section.get_by_label("What is it for?").fill(label)
    for word in without:
        section.get_by_label(word).uncheck()
    section.get_by_role("button", name="Make the token").click()
    expect(page.locator("#fresh-token")).to_be_focused()
    return page.locator("#fresh-token code").inner_text()


def row_of(page: Page, text: str) -> Locator:
    return page.locator("li.entry", has_text=text)


@pytest.mark.parametrize("width", (320, 1280))
def test_a_token_is_shown_once_works_and_is_worth_nothing_once_revoked(
    system: System, open_page: Open, width: int
) -> None:
    page = open_page(system, "account", width=width).page
    label = f"backup script {width}"
    token = new_token(page, label, "Act as admin")
    expect_no_overflow(page)
    assert system.call("GET", "/api/v1/me", token=token).body["scopes"] == ["read", "jobs"]
    assert system.call("GET", "/api/v1/users", token=token).status == 403
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    page.reload()
    row = row_of(page, label)
    expect(row).to_contain_text("may look, work for you")
    expect(row).to_contain_text("last used just now")
    assert token not in page.content()
    row.get_by_role("button", name=f"Revoke {label}").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(row).to_be_visible()
    row.get_by_role("button", name=f"Revoke {label}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert system.call("GET", "/api/v1/me", token=token).status == 401


def test_a_token_has_to_be_for_something_and_allow_something(system: System, open_page: Open) -> None:
    page = open_page(system, "account").page
    section = tokens_of(page)
    section.get_by_role("button", name="New token").click()
    section.get_by_role("button", name="Make the token").click()
    expect(page.locator("#label-wrong")).to_have_text("This is needed.")
    expect(section.get_by_label("What is it for?")).to_be_focused()
    section.get_by_label("What is it for?").fill("nothing")
    for box in section.get_by_role("checkbox").all():
        box.uncheck()
    section.get_by_role("button", name="Make the token").click()
    expect(section.get_by_role("alert")).to_contain_text("Choose at least one thing")


def test_a_friend_is_offered_no_admins_token_and_sees_what_is_left_of_the_quota(
    system: System, open_page: Open
) -> None:
    system.user_token("wren")
    page = open_page(system, "account", name="wren").page
    expect(page.get_by_text("Member · signs in with a password")).to_be_visible()
    expect(page.get_by_text("5 of 5 left this hour")).to_be_visible()
    tokens_of(page).get_by_role("button", name="New token").click()
    expect(tokens_of(page).get_by_role("checkbox")).to_have_count(2)

    number = next(
        one["id"] for one in system.call("GET", "/api/v1/users").body["items"] if one["name"] == "wren"
    )
    changes = {"permissions": {"scan": False}, "quotas": {"download": 0}}
    assert system.call("PATCH", f"/api/v1/users/{number}", changes).status == 200
    page.reload()
    expect(page.get_by_text("Start scans of the library: not allowed")).to_be_visible()
    expect(page.get_by_text("Download videos · any number")).to_be_visible()


def test_another_browser_is_signed_out_from_here(system: System, open_page: Open) -> None:
    system.user_token("jay")
    other = open_page(system, "account", name="jay")
    page = open_page(system, "account", name="jay").page
    sessions = page.get_by_role("region", name="Where you are signed in")
    expect(sessions.locator("li.entry", has_text="This browser")).to_have_count(1)
    foreign = sessions.locator("li.entry:not(:has-text('This browser'))")
    expect(foreign).to_have_count(1)
    expect(foreign).to_contain_text("127.0.0.1")
    foreign.get_by_role("button", name="Sign out").click()
    expect(foreign).to_have_count(0)
    expect(sessions.get_by_role("button", name="Sign out everywhere else")).to_be_hidden()

    other.expected = {401}
    new = other.page.get_by_role("button", name="New token")
    new.click()
    other.page.get_by_label("What is it for?").fill("too late")
    other.page.get_by_role("button", name="Make the token").click()
    expect(other.page.get_by_text("Your session has ended")).to_be_visible()


def test_all_other_browsers_are_signed_out_at_once(system: System, open_page: Open) -> None:
    system.user_token("finch")
    others = [open_page(system, name="finch") for _ in range(2)]
    page = open_page(system, "account", name="finch").page
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere else").click()
    expect(page.locator("#sessions li.entry")).to_have_count(1)
    for other in others:
        other.expected = {401}
        other.page.reload()
        expect(other.page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="finch")).to_be_visible()


def test_who_asks_for_the_account_signs_in_first_and_is_there_afterwards(
    system: System, open_page: Open
) -> None:
    page = open_page(system, "account", signed_in=False).page
    name, password = system.admin
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page).to_have_url(f"{system.url}/account")


def test_a_list_that_cannot_be_read_says_so_and_is_read_again(system: System, open_page: Open) -> None:
    watched = open_page(system)
    page = watched.page
    watched.expected = {404}
    page.route(
        "**/api/v1/me/tokens**", lambda route: route.continue_(url=f"{watched.base}/api/v1/nothing-here")
    )
    page.goto(f"{watched.base}/account")
    problem = tokens_of(page).get_by_role("alert")
    expect(problem).to_be_visible()
    page.unroute("**/api/v1/me/tokens**")
    problem.get_by_role("button", name="Try again").click()
    expect(problem).to_have_count(0)
