"""What a call makes of answers that come late, never, in too large a size, or as something else."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.integrations import http
from tests.private_server import free_port
from tests.standins.secure_site import self_signed

HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def serving(
    talk: Callable[[socket.socket], None],
    tls: ssl.SSLContext | None = None,
    hear: Callable[[bytes], object] = len,
) -> Iterator[str]:
    """The address of a server that hears whoever asks first out, and says what `talk` says."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            try:
                with tls.wrap_socket(line, server_side=True) if tls else line as open_line:
                    hear(open_line.recv(65536))
                    talk(open_line)
            except OSError:
                return  # the client has hung up

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def dripping(prefix: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """A byte every now and then, for ten seconds."""

    def talk(line: socket.socket) -> None:
        line.sendall(prefix)
        for _ in range(200):
            line.sendall(drop)
            time.sleep(0.05)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        dripping(HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
        dripping(HEAD + b"\r\n", b"x"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        dripping(HEAD + b"X-Name: ", b"x"),
        dripping(b"H", b"H"),
    ],
    ids=["body", "body without end", "chunks", "header", "status"],
)
def test_the_deadline_holds_however_slowly_the_answer_comes(talk: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with serving(talk) as url, pytest.raises(http.Unreachable):
        try:
            http.call("GET", url, deadline=0.5)
        finally:
            took = time.monotonic() - began
    assert took < 2


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side, with the certificate in certificate.pem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path, "127.0.0.1"))
    return context


@pytest.mark.parametrize(
    "prefix", [HEAD + b"Content-Length: 100000\r\n\r\n", HEAD + b"\r\n", HEAD + b"X-Name: "]
)
def test_it_holds_behind_tls_as_well(
    prefix: bytes, tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    began = time.monotonic()
    with serving(dripping(prefix, b"x"), tls) as url, pytest.raises(http.Unreachable, match="too slowly"):
        try:
            http.call("GET", url, deadline=0.5)
        finally:
            took = time.monotonic() - began
    assert took < 2


def test_a_certificate_that_nobody_signed_is_not_trusted(tls: ssl.SSLContext) -> None:
    with serving(lambda line: None, tls) as url, pytest.raises(http.Untrusted):
        http.call("GET", url)


def test_an_answer_has_status_body_and_headers_in_small_letters() -> None:
    def talk(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 429 Slow\r\nRETRY-After: 7\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}')

    with serving(talk) as url:
        reply = http.call("POST", f"{url}/x", params={"b": "c"}, headers={"D": "e"})
    assert (reply.status, reply.json(), reply.headers["retry-after"], reply.retry_after) == (
        429,
        {"a": 1},
        "7",
        7,
    )


@pytest.mark.parametrize("said", ["", "soon", "-1", "²", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wish_to_wait_that_is_no_number_of_seconds_is_none(said: str) -> None:
    assert http.Reply(429, b"", {"retry-after": said}).retry_after is None
    assert http.Reply(429, b"").retry_after is None


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff\xfe\x00", b"[" * 100_000])
def test_a_body_that_is_no_json_cannot_be_understood(body: bytes) -> None:
    with pytest.raises(http.Unreachable, match="understood"):
        http.Reply(200, body).json()


def test_a_body_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_BODY", 100_000)

    def talk(line: socket.socket) -> None:
        line.sendall(HEAD + b"\r\n")
        for _ in range(1000):
            line.sendall(b"x" * 10_000)

    with serving(talk) as url, pytest.raises(http.Unreachable, match="more than expected"):
        http.call("GET", url)


def test_redirects_are_not_followed() -> None:
    def talk(line: socket.socket) -> None:
        place = b"http://127.0.0.1:1/"
        line.sendall(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + place + b"\r\n\r\n")

    with serving(talk) as url:
        assert http.call("GET", url).status == 302


def test_where_nobody_listens_is_unreachable() -> None:
    with pytest.raises(http.Unreachable, match="cannot be reached"):
        http.call("GET", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(http.Unreachable):
        http.call("GET", "http://127.0.0.1:80", headers={"X-Plex-Token": "two\nlines"})


def test_an_answer_is_described_without_what_it_says() -> None:
    assert "secret" not in repr(http.Reply(200, b"secret", {"set-cookie": "secret"}))


def test_a_netrc_of_the_machine_puts_no_password_of_its_own_into_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login owner password of-the-machine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    heard: list[bytes] = []
    with serving(lambda line: line.sendall(HEAD + b"Content-Length: 0\r\n\r\n"), hear=heard.append) as place:
        http.call("GET", place, headers={"Authorization": "Bearer ours"})
    assert b"Authorization: Bearer ours\r\n" in heard[0]
