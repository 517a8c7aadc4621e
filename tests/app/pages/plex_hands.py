"""What a person does to sign in with Plex, and what could be overheard of it."""

import contextlib
import re
import socket
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, expect

from tests.relay import CHUNK, Relay
from tests.standins.plex_people import Person
from tests.standins.plex_sample import Sample


def go_to_plex(page: Page, sample: Sample, button: str = "Sign in with Plex") -> None:
    """Press the button; the page is at Plex."""
    page.get_by_role("button", name=button).click()
    page.wait_for_url(f"{sample.plex_tv.base}/**")


def choose(page: Page, person: Person) -> None:
    """Say at Plex who one is; Plex leads back."""
    page.get_by_role("button", name=person.name, exact=True).click()


def code_of(page: Page) -> str:
    """The code on the screen, once it is there."""
    expect(page.locator("#plex-pin")).to_have_text(re.compile(r"^\w{4}$"))
    return page.locator("#plex-pin").inner_text()


def type_code(context: BrowserContext, address: str, code: str, person: Person) -> None:
    """What somebody does on another screen: open the address, sign in, type the code."""
    other = context.new_page()
    other.goto(address)
    other.get_by_label("Code").fill(code)
    choose(other, person)
    expect(other.get_by_role("status")).to_contain_text("linked")
    other.close()


def expect_in(page: Page, person: Person) -> None:
    expect(page.locator("#person")).to_contain_text(person.name)


class Tap(Relay):
    """A relay that remembers every byte that passes, each way of each connection by itself.

    A browser forgets what was answered to a page as soon as it leaves it, and signing in is all about leaving pages.
    """

    def __init__(self, address: str) -> None:
        target = urlsplit(address)
        assert target.hostname and target.port
        super().__init__((target.hostname, target.port))
        self.url = f"http://127.0.0.1:{self.port}"
        self._heard: list[bytearray] = []

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        heard = bytearray()
        self._heard.append(heard)
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                heard += data
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def times(self, text: str) -> int:
        """How often this was said."""
        return sum(bytes(heard).count(text.encode()) for heard in list(self._heard))
