"""What a call makes of answers that come late, never, in too large a size, or as something else."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
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


def test_a_wish_to_wait_is_a_day_at_most() -> None:
    for said in ("86401", "9" * 400, "9" * 9000):
        assert http.Reply(429, b"", {"retry-after": said}).retry_after == 86400


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


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
        "224.0.0.1",
        "[::]",
        "[fe80::1]",
        "[::ffff:169.254.1.1]",
    ],
)
def test_an_address_that_services_may_not_have_is_not_connected_to(host: str) -> None:
    with socket.create_server(("", 0)) as server:
        server.settimeout(0)
        with pytest.raises(http.Unreachable, match="services may not have"):
            http.call("GET", f"http://{host}:{server.getsockname()[1]}/", headers={"X-Plex-Token": "secret"})
        with pytest.raises(BlockingIOError):
            server.accept()


def resolving(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int]) -> str:
    """A name for these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    return f"http://plex.example:{places[-1][1]}"


def place_of(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


def test_a_name_is_judged_by_each_of_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = ("169.254.169.254", 80)
    with pytest.raises(http.Unreachable, match="services may not have"):
        http.call("GET", resolving(monkeypatch, nowhere))
    with serving(lambda line: line.sendall(HEAD + b"Content-Length: 0\r\n\r\n")) as url:
        assert http.call("GET", resolving(monkeypatch, nowhere, place_of(url))).status == 200


@contextmanager
def full() -> Iterator[tuple[str, int]]:
    """Where somebody listens whose queue has no place left, so that whoever connects waits."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        with ExitStack() as others:
            for _ in range(4):
                other = others.enter_context(socket.socket())
                other.setblocking(False)
                other.connect_ex(server.getsockname())
            yield server.getsockname()


def test_all_addresses_of_a_name_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with full() as place:
        url = resolving(monkeypatch, *[place] * 6)
        began = time.monotonic()
        with pytest.raises(http.Unreachable, match="too slowly"):
            http.call("GET", url, deadline=0.5)
        assert time.monotonic() - began < 1.5


def test_who_is_resolved_after_the_deadline_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    with serving(lambda line: None, hear=heard.append) as url:
        place = place_of(url)
        named = resolving(monkeypatch, place)
        found = socket.getaddrinfo("", 0)

        def late(*_: object, **__: object) -> object:
            time.sleep(0.3)
            return found

        monkeypatch.setattr(socket, "getaddrinfo", late)
        with pytest.raises(http.Unreachable, match="too slowly"):
            http.call("GET", named, deadline=0.2)
        socket.create_connection(place).close()  # so that the server ends
    assert heard == [b""]


def test_a_line_that_connects_after_the_time_is_over_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock says that there is time, and the timer has gone off while the line connected."""
    heard: list[bytes] = []
    monkeypatch.setattr(http._Watch, "__enter__", lambda watch: watch._hang_up() or watch)
    with (
        serving(lambda line: None, hear=heard.append) as url,
        pytest.raises(http.Unreachable, match="slowly"),
    ):
        http.call("GET", url)
    assert heard == [b""]


def test_the_deadline_holds_while_tls_begins() -> None:
    began = time.monotonic()
    with serving(dripping(b"\x16\x03\x03\x40\x00", b"\x02")) as url, pytest.raises(http.Unreachable):
        try:
            http.call("GET", url.replace("http:", "https:"), deadline=0.5)
        finally:
            took = time.monotonic() - began
    assert took < 2


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
