"""What a person does on the page, for the browser tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, Response, expect

from tests.app.pages.watched import PATIENCE
from tests.system import System

expect.set_options(timeout=PATIENCE)

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


def expect_touchable(page: Page) -> None:
    """Everything that one can press or fill in has the size of a finger."""
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, .brand, a.button")]
          .filter((element) => element.checkVisibility() && !["radio", "checkbox"].includes(element.type))
          .map((element) => [element.getBoundingClientRect(), element.outerHTML])
          .filter(([box]) => box.height < 43.9 || box.width < 43.9)
          .map(([, html]) => html)"""
    )
    assert small == []


def done_part(row: Locator) -> float:
    """The percent that the bar shows, -1 while it is unknown."""
    return float(row.locator(".bar").get_attribute("aria-valuenow") or -1)
