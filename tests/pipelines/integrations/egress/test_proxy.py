"""The proxy over real sockets: what gets through, and that nothing else ever does."""

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from pipelines.integrations.egress import address, route
from pipelines.integrations.egress.address import Allowed
from tests.pipelines.integrations.egress.conftest import Answering, Say
from tests.standins.canary import Canary
from tests.standins.dns import A, DnsServer
from tests.standins.egress import RunningProxy

Get = Callable[[int, str], bytes]

PUBLIC = "93.184.215.14"
SPELLINGS = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "0177.0.0.1", "0x7f.1", "127.0.0.1.",
    "127%2e0.0.1", "%31%32%37.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "0", "[::]", "localhost", "a.localhost", "LOCALHOST.",
]  # fmt: skip


def only(canary: Canary) -> Allowed:
    return frozenset({("127.0.0.1", canary.port)})


async def no_resolver(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} must not be resolved")


@pytest.fixture
def port_80(monkeypatch: pytest.MonkeyPatch, canary: Canary) -> Canary:
    """The canary on a port that needs no exception, as on a machine where it listens on port 80."""
    monkeypatch.setitem(address.PORTS, "http", canary.port)
    return canary


def test_an_allowed_address_is_reached(get: Get, canary: Canary) -> None:
    with RunningProxy(only(canary)) as proxy:
        answer = get(proxy.port, f"http://127.0.0.1:{canary.port}/path?query")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n") and head.endswith(b"Connection: close")
    assert body == Canary.SECRET
    assert canary.heard[0].startswith(b"GET /path?query HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % canary.port)
    assert proxy.refused == []


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("tunnel", [False, True], ids=["plain", "tunnel"])
def test_this_machine_is_refused_however_it_is_spelt(
    say: Say, port_80: Canary, host: str, tunnel: bool
) -> None:
    target = f"{host}:{port_80.port}"
    request = f"CONNECT {target}" if tunnel else f"GET http://{target}/"
    with RunningProxy(resolve=no_resolver) as proxy:
        answer = say(proxy.port, f"{request} HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 Blocked address\r\n")
    assert b"\r\nX-MediaNest-Refused: blocked_address\r\n" in answer
    assert proxy.refused == [host]
    assert port_80.hits == 0


@pytest.mark.parametrize("port", [1, 22, 25, 8080, 6379, 65535])
def test_other_ports_are_refused_also_of_public_addresses(get: Get, port: int) -> None:
    with RunningProxy(resolve=no_resolver) as proxy:
        assert b" 403 " in get(proxy.port, f"http://{PUBLIC}:{port}/")
        assert b" 403 " in get(proxy.port, f"http://public.test:{port}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:7f00:1]", "0x7f.1"])
def test_a_redirect_into_the_network_is_refused(canary: Canary, answering: Answering, host: str) -> None:
    redirect = f"HTTP/1.1 302 Found\r\nLocation: http://{host}:{canary.port}/\r\n\r\n".encode()
    with answering(redirect) as port, RunningProxy(frozenset({("127.0.0.1", port)})) as proxy:
        client = build_opener(ProxyHandler({"http": proxy.url}))
        with pytest.raises(HTTPError, match="Blocked address"):
            client.open(f"http://127.0.0.1:{port}/", timeout=10)
    assert canary.connections == 0


def test_a_name_that_leads_inside_is_refused_also_if_only_one_of_its_addresses_does(
    get: Get, port_80: Canary
) -> None:
    names = {
        "inside.test": [["127.0.0.1"]],
        "mixed.test": [[PUBLIC, "127.0.0.1"]],
        "six.test": [[PUBLIC, "::1"]],
        "mapped.test": [["::ffff:127.0.0.1"]],
        "nat64.test": [["64:ff9b::7f00:1"]],
    }
    with DnsServer(names) as dns, RunningProxy(resolve=dns.resolve) as proxy:
        for name in names:
            assert b" 403 " in get(proxy.port, f"http://{name}:{port_80.port}/")[:15]
        assert proxy.refused == list(names)
    assert port_80.hits == 0


def test_a_name_is_resolved_once_for_each_request_and_judged_each_time(
    get: Get, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first answer passes for public here; had the proxy asked again before it connected, it would not."""
    monkeypatch.setitem(address.PORTS, "http", canary.port)
    monkeypatch.setattr(address, "all_public", lambda found: found == ["127.0.0.1"])
    rebinding = {"two.test": [["127.0.0.1"], ["127.0.0.2"]]}
    with DnsServer(rebinding) as dns, RunningProxy(resolve=dns.resolve) as proxy:
        url = f"http://two.test:{canary.port}/"
        assert get(proxy.port, url).endswith(Canary.SECRET)
        assert dns.asked.count(("two.test", A)) == 1
        assert b" 403 " in get(proxy.port, url)[:15]
        assert dns.asked.count(("two.test", A)) == 2
    assert canary.hits == 1


def test_the_next_address_is_tried_when_one_does_not_answer(get: Get, canary: Canary) -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    with RunningProxy(frozenset({("nas.test", canary.port)}), both) as proxy:
        assert get(proxy.port, f"http://nas.test:{canary.port}/").endswith(Canary.SECRET)


def test_what_cannot_be_resolved_or_reached_is_not_called_refused(get: Get, say: Say) -> None:
    with socket.socket() as nobody, DnsServer({"empty.test": [[]]}) as dns:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with RunningProxy(frozenset({("127.0.0.1", port)}), dns.resolve) as proxy:
            answers = [
                get(proxy.port, "http://unknown.test/"),
                get(proxy.port, "http://empty.test/"),
                get(proxy.port, f"http://{'x' * 60}.{'y' * 60}.test/"),
                get(proxy.port, f"http://127.0.0.1:{port}/"),
                say(proxy.port, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode()),
            ]
    assert [answer.split(b"\r\n")[0] for answer in answers] == [
        *[b"HTTP/1.1 502 Name not resolved"] * 3, *[b"HTTP/1.1 502 Connection failed"] * 2
    ]  # fmt: skip
    assert not any(b"Refused" in answer for answer in answers)
    assert proxy.refused == []


def test_a_resolver_that_does_not_answer_is_given_up(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(host: str, port: int) -> list[str]:
        await forever.wait()
        return []

    monkeypatch.setattr(route, "CONNECT_SECONDS", 0.1)
    forever = asyncio.Event()
    with RunningProxy(resolve=never) as proxy:
        assert get(proxy.port, "http://example.com/").startswith(b"HTTP/1.1 502 Name not resolved")


def test_a_tunnel_passes_bytes_both_ways_also_when_the_server_speaks_first(
    say: Say, answering: Answering
) -> None:
    with (
        answering(b"echo ", first=b"first ", echo=True) as port,
        RunningProxy(frozenset({("127.0.0.1", port)})) as proxy,
    ):
        answer = say(proxy.port, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\nhello".encode())
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nfirst echo hello"


def test_what_nobody_reads_waits_at_the_server_and_then_passes_whole() -> None:
    block = os.urandom(1 << 16)
    sent, got = hashlib.sha256(), hashlib.sha256()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        RunningProxy(frozenset({("127.0.0.1", listener.getsockname()[1])})) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
    ):
        client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % listener.getsockname()[1])
        server, _ = listener.accept()
        assert client.recv(1000).endswith(b"\r\n\r\n")
        with server:
            server.settimeout(0.3)
            size = 0
            with pytest.raises(TimeoutError):
                while size < 64 << 20:
                    taken = server.send(block)
                    sent.update(block[:taken])
                    size += taken
        while data := client.recv(1 << 20):
            got.update(data)
    assert got.digest() == sent.digest()


@pytest.mark.parametrize("asks", [False, True], ids=["by-itself", "asked"])
def test_after_a_long_answer_any_byte_passes_again(asks: bool) -> None:
    """Long answers are read in large pieces; what comes then may be less than one."""
    long = os.urandom(12 << 20)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        RunningProxy(frozenset({("127.0.0.1", listener.getsockname()[1])})) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
        client.makefile("rb") as reader,
    ):
        client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % listener.getsockname()[1])
        server, _ = listener.accept()
        assert reader.readline().endswith(b"established\r\n") and reader.readline() == b"\r\n"
        with server, ThreadPoolExecutor(1) as pool:
            for n in range(3):
                sending = pool.submit(server.sendall, long[n:])
                assert reader.read(len(long) - n) == long[n:]
                sending.result()
                for _ in range(3):
                    if asks:
                        client.sendall(b"?")
                        assert server.recv(10) == b"?"
                    server.sendall(b"!")
                    assert reader.read(1) == b"!"


def test_a_body_is_passed_on_and_nothing_behind_it(canary: Canary) -> None:
    """The second request names another host, but the connection leads to the first: it must reach nobody."""

    def say(port: int, *parts: bytes) -> bytes:
        """The answer comes when all is said: who speaks to a connection that has ended is reset."""
        canary.may_answer.clear()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            for part in parts:
                client.sendall(part)
            canary.may_answer.set()
            with client.makefile("rb") as answer:
                return answer.read()

    first = f"POST http://127.0.0.1:{canary.port}/ HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    second = f"GET http://localhost:{canary.port}/second HTTP/1.1\r\n\r\n"
    with RunningProxy(only(canary)) as proxy:
        answers = [
            say(proxy.port, (first + second).encode()),
            say(proxy.port, *(bytes([byte]) for byte in first.encode()), second.encode()),
        ]
    assert all(answer.count(b"HTTP/1.1") == 1 and answer.endswith(Canary.SECRET) for answer in answers)
    assert canary.hits == 2
    assert not any(b"second" in heard for heard in canary.heard)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"PUT http://example.com/ HTTP/1.1\r\n\r\n", 405),
        (
            b"POST http://example.com/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            411,
        ),
        (b"GET http://example.com/ HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_what_is_not_understood_is_answered_and_not_passed_on(
    say: Say, request_head: bytes, status: int
) -> None:
    with RunningProxy(resolve=no_resolver) as proxy:
        assert say(proxy.port, request_head).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    ("answer", "start"),
    [
        (b"nonsense\r\n\r\n", b"HTTP/1.1 502 Answer not understood"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, b"HTTP/1.1 502 Answer not understood"),
        (b"HTTP/1.1 200 OK\r\nX: y", b"HTTP/1.1 502 Answer cut short"),
        (b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 100 Go\r\n\r\nHTTP/1.1 204 None\r\n\r\n", b"HTTP/1.1 204 None"),
    ],
)
def test_the_answer_of_a_strange_server_is_judged(
    get: Get, answering: Answering, answer: bytes, start: bytes
) -> None:
    with answering(answer) as port, RunningProxy(frozenset({("127.0.0.1", port)})) as proxy:
        assert get(proxy.port, f"http://127.0.0.1:{port}/").split(b"\r\n")[0] == start


def test_there_are_only_so_many_connections_at_once(say: Say, get: Get, canary: Canary) -> None:
    with RunningProxy(only(canary), most=2) as proxy:
        url = f"http://127.0.0.1:{canary.port}/"
        with socket.create_connection(("127.0.0.1", proxy.port)) as one:
            one.sendall(b"GET")
            with socket.create_connection(("127.0.0.1", proxy.port)):
                assert get(proxy.port, url).startswith(b"HTTP/1.1 503 ")
    assert canary.connections == 0


def test_a_proxy_above_gets_the_requests_and_its_refusals_are_ours(
    get: Get, say: Say, canary: Canary
) -> None:
    with DnsServer({"inside.test": [["10.0.0.1"]], "nas.test": [["127.0.0.1"]]}) as dns:
        allowed = frozenset({("nas.test", canary.port)})
        with (
            RunningProxy(allowed, dns.resolve) as above,
            RunningProxy(allowed, no_resolver, ("127.0.0.1", above.port)) as proxy,
        ):
            assert get(proxy.port, f"http://nas.test:{canary.port}/").endswith(Canary.SECRET)
            connect = f"CONNECT nas.test:{canary.port} HTTP/1.1\r\n\r\n".encode()
            answer = say(proxy.port, connect + b"GET / HTTP/1.1\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\n")
            assert answer.endswith(Canary.SECRET)
            assert proxy.refused == above.refused == []
            assert b" 403 " in get(proxy.port, "http://inside.test/")[:15]
            assert b" 403 " in say(proxy.port, b"CONNECT inside.test:443 HTTP/1.1\r\n\r\n")[:15]
            assert proxy.refused == above.refused == ["inside.test"] * 2
            assert b" 403 " in get(proxy.port, f"http://127.0.0.1:{canary.port}/")[:15]
            assert b" 403 " in get(proxy.port, "http://example.com:22/")[:15]
            assert proxy.refused[2:] == ["127.0.0.1", "example.com"]
            assert above.refused == ["inside.test"] * 2
            assert b" 502 Name not resolved" in say(proxy.port, b"CONNECT gone.test:443 HTTP/1.1\r\n\r\n")


def test_a_server_cannot_pretend_that_it_was_refused(get: Get, answering: Answering) -> None:
    forged = b"HTTP/1.1 403 No\r\nX-MediaNest-Refused: blocked_address\r\n\r\n"
    with answering(forged) as port:
        allowed = frozenset({("127.0.0.1", port)})
        with (
            RunningProxy(allowed) as above,
            RunningProxy(allowed, upstream=("127.0.0.1", above.port)) as proxy,
        ):
            answer = get(proxy.port, f"http://127.0.0.1:{port}/")
    assert answer.startswith(b"HTTP/1.1 403 No\r\n") and b"Refused" not in answer
    assert proxy.refused == []


def test_the_proxy_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import pipelines.integrations.egress.process;"
        "print([name for name in sys.modules if name.split('.')[0] in ('config', 'flask', 'peewee', 'redis')])"
    )
    command = [sys.executable, "-I", "-S", "-c", code, os.getcwd()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
