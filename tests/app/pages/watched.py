"""A page that remembers what went wrong in it, for the fixture `open_page`."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, Response

PATIENCE = 20_000  # milliseconds


class Watched:
    """A page and what went wrong in it; `expected` are statuses that the test provokes.

    `elsewhere` is the only other site that it may go to.
    """

    def __init__(self, context: BrowserContext, base: str, elsewhere: str = "") -> None:
        self.context = context
        self.base = base
        self.elsewhere = elsewhere
        self.page: Page = context.new_page()
        self.expected: set[int] = set()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("response", self._answered)
        self.page.on("request", lambda request: self._asked(request.url))

    def _heard(self, kind: str, text: str) -> None:
        # statuses are judged in _answered; a socket that cannot be opened is part of the tests of the feed
        harmless = re.match(r"Failed to load resource|WebSocket connection to", text)
        if kind in ("error", "warning") and not harmless:
            self.complaints.append(f"{kind}: {text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.status}: {response.url}")

    def _asked(self, url: str) -> None:
        if not url.startswith(self.base) and not (self.elsewhere and url.startswith(self.elsewhere)):
            self.complaints.append(f"foreign request: {url}")


Open = Callable[..., Watched]
