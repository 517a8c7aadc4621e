"""Heads of requests and answers: what is passed on, and what can be read in two ways is not."""

import pytest

from pipelines.integrations.egress import heads
from pipelines.integrations.egress.heads import Malformed

GET = b"GET http://example.com/a?b HTTP/1.1\r\n"


def status_of(raw: bytes) -> int:
    with pytest.raises(Malformed) as caught:
        heads.request(raw)
    return caught.value.status


def test_a_request_goes_to_the_origin_under_its_own_name() -> None:
    request = heads.request(
        GET + b"Host: other.example\r\nProxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\n"
        b"Connection: keep-alive, X-Private\r\nX-Private: 1\r\nRange: bytes=5-\r\n\r\n"
    )
    assert (request.host, request.port, request.length) == ("example.com", 80, 0)
    assert request.to_origin() == (
        b"GET /a?b HTTP/1.1\r\nHost: example.com\r\nRange: bytes=5-\r\nConnection: close\r\n\r\n"
    )
    assert request.to_proxy().startswith(b"GET http://example.com/a?b HTTP/1.1\r\nHost: example.com\r\n")


@pytest.mark.parametrize(
    ("target", "host", "port", "path"),
    [
        ("http://example.com", "example.com", 80, "/"),
        ("HTTP://example.com:8080?q#f", "example.com", 8080, "/?q"),
        ("http://[::1]:81/a#b", "[::1]", 81, "/a"),
        ("http://a.example//b@c/http://d.example/", "a.example", 80, "//b@c/http://d.example/"),
    ],
)
def test_the_target_is_taken_apart(target: str, host: str, port: int, path: str) -> None:
    request = heads.request(f"GET {target} HTTP/1.0\r\n\r\n".encode())
    assert (request.host, request.port, request.path, request.version) == (host, port, path, "HTTP/1.0")


def test_a_tunnel_has_a_host_and_a_port() -> None:
    request = heads.request(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request.tunnel and (request.host, request.port) == ("[::1]", 443)
    assert request.to_proxy() == b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1", b"GET https://example.com/ HTTP/1.1", b"GET ftp://example.com/ HTTP/1.1",
        b"GET http:/// HTTP/1.1", b"GET http://user@example.com/ HTTP/1.1", b"GET http://a\\b/ HTTP/1.1",
        b"GET http://a:b:80/ HTTP/1.1", b"GET http://a b/ HTTP/1.1", b"GET http://a/\xff HTTP/1.1",
        b"GET http://\xe4.example/ HTTP/1.1", b"GET http://a/ HTTP/2.0", b"GET http://a/", b"", b"\x16\x03\x01",
        b"CONNECT example.com HTTP/1.1", b"CONNECT http://example.com:443 HTTP/1.1", b"CONNECT a:b:443 HTTP/1.1",
        b"CONNECT user@example.com:443 HTTP/1.1", b"get http://a/ HTTP/1.1",
    ],
)  # fmt: skip
def test_a_target_that_is_not_plain_is_a_bad_request(start: bytes) -> None:
    assert status_of(start + b"\r\n\r\n") == 400


@pytest.mark.parametrize(
    "line",
    [
        b"X", b" X: y", b"X : y", b"X: a\nY: b", b"X: a\rY: b", b"X: \0", b": y", b"Content-Length: -1",
        b"Content-Length: 1, 1", b"Content-Length: +1", b"Content-Length: 1\r\nContent-Length: 1", b"Content-Length:",
        b"X: a\r\n b",
    ],
)  # fmt: skip
def test_a_header_that_is_not_plain_is_a_bad_request(line: bytes) -> None:
    assert status_of(GET + line + b"\r\n\r\n") == 400


def test_other_methods_and_bodies_without_a_length_are_not_passed_on() -> None:
    assert status_of(b"PUT http://example.com/ HTTP/1.1\r\n\r\n") == 405
    assert status_of(GET + b"Transfer-Encoding: chunked\r\n\r\n") == 411


def test_a_body_keeps_its_length_whatever_connection_says() -> None:
    request = heads.request(GET + b"Connection: Content-Length\r\nContent-Length: 12\r\n\r\n")
    assert request.length == 12
    assert b"Content-Length: 12\r\n" in request.to_origin()


def test_an_answer_is_the_last_one_and_never_says_itself_that_it_was_refused() -> None:
    answer = heads.answer(
        b"HTTP/1.1 200 OK\nconnection: keep-alive\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\n"
        b"x-medianest-refused: blocked_address\r\nbroken line\r\n\r\n"
    )
    assert answer.refused and answer.status == 200
    assert answer.to_client() == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "start", [b"", b"hello", b"HTTP/1.1", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 X"]
)
def test_what_is_no_answer_is_not_passed_on(start: bytes) -> None:
    with pytest.raises(Malformed):
        heads.answer(start + b"\r\n\r\n")


def test_a_head_ends_with_an_empty_line_and_must_not_be_long() -> None:
    assert heads.end(bytearray(b"GET / HTTP/1.1\r\nA: b\n\n")) == 0
    assert heads.end(bytearray(b"HTTP/1.1 200 OK\nA: b\n\nbody\r\n\r\n"), sloppy=True) == 22
    assert heads.end(bytearray(b"GET / HTTP/1.1\r\n\r\nbody\r\n\r\n")) == 18
    for rest in (b"", b"\r\n\r\n"):
        with pytest.raises(Malformed):
            heads.end(bytearray(b"x" * (heads.LIMIT + 1) + rest))
