"""Heads of HTTP messages as a proxy reads and rewrites them. Whatever could be read in two ways is refused."""

import re
from dataclasses import dataclass

LIMIT = 64 * 1024
REFUSED = "X-MediaNest-Refused"

_AUTHORITY = r"(\[[0-9A-Fa-f:.%\w]+\]|[\w.%-]+)"
_LOOSE = re.ASCII | re.IGNORECASE
_TUNNEL = re.compile(rf"{_AUTHORITY}:([0-9]{{1,5}})", re.ASCII)
_ABSOLUTE = re.compile(rf"http://({_AUTHORITY}(?::([0-9]{{1,5}}))?)((?:[/?][^#]*)?)(?:#.*)?", _LOOSE)
_START = re.compile(r"([A-Z]+) ([\x21-\x7e]+) (HTTP/1\.[01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00\r\n]*)")
_LINE = re.compile(r"\r?\n")

# Between two neighbours only. Transfer-Encoding stays: bodies of answers pass as they are.
_OF_ONE_HOP = {
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
    "upgrade", "expect",
}  # fmt: skip
_FRAMING = {"content-length", "transfer-encoding", "host"}

Headers = list[tuple[str, str]]


class Malformed(Exception):
    """A head that we do not pass on; `status` is the answer to it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Request:
    """What a client asks of the proxy. `length` is how much body follows."""

    method: str
    host: str
    port: int
    path: str
    version: str
    headers: Headers
    length: int

    @property
    def tunnel(self) -> bool:
        return self.method == "CONNECT"

    @property
    def authority(self) -> str:
        return self.host if self.port == 80 and not self.tunnel else f"{self.host}:{self.port}"

    def to_origin(self) -> bytes:
        return self._head(self.path)

    def to_proxy(self) -> bytes:
        return self._head(self.authority if self.tunnel else f"http://{self.authority}{self.path}")

    def _head(self, target: str) -> bytes:
        headers = [("Host", self.authority), *self.headers, ("Connection", "close")]
        return _written(f"{self.method} {target} {self.version}", headers)


@dataclass(frozen=True)
class Answer:
    """The head of what a server said."""

    start: str
    status: int
    headers: Headers
    refused: bool

    @property
    def reason(self) -> str:
        return self.start.split(" ", 2)[2] if self.start.count(" ") > 1 else ""

    def to_client(self) -> bytes:
        """As the last answer on this connection. Only we ourselves say that an address was refused."""
        kept = [(name, value) for name, value in self.headers if name.lower() != REFUSED.lower()]
        return _written(self.start, [*kept, ("Connection", "close")])


def end(heard: bytearray, *, sloppy: bool = False) -> int:
    """Where the head ends, 0 if that is still to come. Malformed if it is too long."""
    marks = (b"\r\n\r\n", b"\n\n") if sloppy else (b"\r\n\r\n",)
    found = min((at + len(mark) for mark in marks if (at := heard.find(mark)) >= 0), default=0)
    if (found or len(heard)) > LIMIT:
        raise Malformed(431)
    return found


def request(raw: bytes) -> Request:
    """The request whose head, up to its empty line, is `raw`."""
    first, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    start = _START.fullmatch(first)
    if not start:
        raise Malformed(400)
    method, target, version = start.groups()
    headers = [_header(line) for line in lines]
    if method == "CONNECT":
        found = _TUNNEL.fullmatch(target)
        if not found:
            raise Malformed(400)
        return Request(method, found[1], int(found[2]), "", version, [], 0)
    if method not in ("GET", "HEAD", "POST"):
        raise Malformed(405)
    found = _ABSOLUTE.fullmatch(target)
    if not found:
        raise Malformed(400)
    path = found[4] if found[4].startswith("/") else f"/{found[4]}"
    kept = [(name, value) for name, value in _of_the_message(headers) if name.lower() != "host"]
    return Request(method, found[2], int(found[3] or 80), path, version, kept, _length(headers))


def answer(raw: bytes) -> Answer:
    """The answer whose head, up to its empty line, is `raw`; servers may be sloppy about line ends."""
    first, *lines = _LINE.split(raw.decode("latin-1").rstrip("\r\n"))
    status = re.fullmatch(r"\S+ ([1-9][0-9]{2})(?: [^\x00]*)?", first)
    if not status:
        raise Malformed(502)
    headers = [_HEADER.match(line) for line in lines]
    found = [(one[1], one[2].rstrip(" \t")) for one in headers if one]
    refused = any(name.lower() == REFUSED.lower() for name, _ in found)
    return Answer(first, int(status[1]), _of_the_message(found), refused)


def plain_answer(status: int, reason: str, headers: Headers | None = None) -> bytes:
    """An answer of our own, without a body."""
    own = [("Content-Length", "0"), ("Connection", "close"), *(headers or [])]
    return _written(f"HTTP/1.1 {status} {reason}", own)


def _header(line: str) -> tuple[str, str]:
    found = _HEADER.fullmatch(line)
    if not found:
        raise Malformed(400)
    return found[1], found[2].rstrip(" \t")


def _of_the_message(headers: Headers) -> Headers:
    """The headers that are meant for the other end, not for the next hop."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for token in value.split(",")
    }
    dropped = _OF_ONE_HOP | (named - _FRAMING)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _length(headers: Headers) -> int:
    """How long the body of a request is; one without a length beforehand is not passed on."""
    if any(name.lower() == "transfer-encoding" for name, _ in headers):
        raise Malformed(411)
    values = [value for name, value in headers if name.lower() == "content-length"]
    if not values:
        return 0
    if len(values) > 1 or not re.fullmatch(r"[0-9]{1,18}", values[0], re.ASCII):
        raise Malformed(400)
    return int(values[0])


def _written(start: str, headers: Headers) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
