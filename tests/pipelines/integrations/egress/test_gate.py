"""The worker's proxy process: its doors, whose refusals are whose, and that it never outlives its worker."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from pipelines.integrations.egress import gate as module
from pipelines.integrations.egress.gate import Gate
from tests.standins.canary import Canary
from tests.standins.egress import RunningProxy

Get = Callable[[int, str], bytes]

_OWNER = """
import sys, time
from pipelines.integrations.egress.gate import gate
with gate.open(frozenset()) as door:
    print(door.port, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def gate() -> Iterator[Gate]:
    opened = Gate()
    yield opened
    opened.close()


others: set[int] = set()  # what other tests of this run have started


@pytest.fixture(autouse=True)
def know_the_others() -> None:
    others.clear()
    others.update(child.pid for child in psutil.Process().children())


def proxies(owner: int | None = None) -> list[psutil.Process]:
    return [child for child in psutil.Process(owner).children() if child.pid not in others]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(so: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_door_is_a_proxy_for_the_time_of_the_context(gate: Gate, get: Get, canary: Canary) -> None:
    with gate.open(frozenset({("127.0.0.1", canary.port)})) as door:
        assert door.url == f"http://127.0.0.1:{door.port}"
        assert get(door.port, f"http://127.0.0.1:{canary.port}/").endswith(Canary.SECRET)
        assert door.refused is None
    wait_until(lambda: not listens(door.port))


def test_a_closed_door_cuts_what_goes_through_it(gate: Gate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with gate.open(frozenset({("127.0.0.1", port)})) as door:
            client = socket.create_connection(("127.0.0.1", door.port), timeout=10)
            client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % port)
            server, _ = listener.accept()
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        with client, server:
            server.settimeout(10)
            assert server.recv(100) == b""


def test_each_door_has_its_own_exceptions_and_its_own_refusals(gate: Gate, get: Get, canary: Canary) -> None:
    url = f"http://127.0.0.1:{canary.port}/"
    with gate.open(frozenset({("127.0.0.1", canary.port)})) as one, gate.open(frozenset()) as other:
        assert one.port != other.port
        assert len(proxies()) == 1
        assert get(other.port, url).startswith(b"HTTP/1.1 403 Blocked address\r\n")
        assert (one.refused, other.refused) == (None, "127.0.0.1")
        get(other.port, "http://localhost/")
        assert get(one.port, url).endswith(Canary.SECRET)
        assert (one.refused, other.refused) == (None, "127.0.0.1"), "the first one counts"
    assert (one.refused, other.refused) == (None, None)
    assert canary.hits == 1


def test_a_refusal_is_known_when_the_client_has_heard_of_it(gate: Gate, get: Get) -> None:
    for number in range(30):
        with gate.open(frozenset()) as door:
            get(door.port, f"http://127.0.0.{number}/")
            assert door.refused == f"127.0.0.{number}"


def test_many_threads_share_one_process(gate: Gate, get: Get, canary: Canary) -> None:
    answers: list[bytes] = []

    def download() -> None:
        with gate.open(frozenset({("127.0.0.1", canary.port)})) as door:
            answers.append(get(door.port, f"http://127.0.0.1:{canary.port}/"))

    threads = [threading.Thread(target=download) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 and all(answer.endswith(Canary.SECRET) for answer in answers)
    assert len(proxies()) == 1


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "127.0.0.1:{}"])
def test_all_goes_through_the_proxy_above_if_there_is_one(
    gate: Gate, get: Get, canary: Canary, form: str
) -> None:
    allowed = frozenset({("127.0.0.1", canary.port)})

    async def inside(host: str, port: int) -> list[str]:
        return ["10.0.0.1"]

    with RunningProxy(allowed, inside) as above, gate.open(allowed, form.format(above.port)) as door:
        assert get(door.port, f"http://127.0.0.1:{canary.port}/").endswith(Canary.SECRET)
        assert above.refused == []
        get(door.port, "http://inside.test/")
        assert (door.refused, above.refused) == ("inside.test", ["inside.test"])


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGSEGV])
def test_a_proxy_that_died_is_replaced_at_the_next_door(
    gate: Gate, get: Get, canary: Canary, kill: signal.Signals
) -> None:
    allowed = frozenset({("127.0.0.1", canary.port)})
    with gate.open(allowed) as old:
        (proxy,) = proxies()
        proxy.send_signal(kill)
        wait_until(lambda: proxy.status() == psutil.STATUS_ZOMBIE)
        assert old.refused is None
        with gate.open(allowed) as new:
            assert get(new.port, f"http://127.0.0.1:{canary.port}/").endswith(Canary.SECRET)
    with gate.open(allowed) as again:
        assert get(again.port, f"http://127.0.0.1:{canary.port}/").endswith(Canary.SECRET)


def test_signals_meant_for_the_worker_do_not_end_it(gate: Gate, get: Get, canary: Canary) -> None:
    with gate.open(frozenset({("127.0.0.1", canary.port)})) as door:
        (proxy,) = proxies()
        for number in (signal.SIGTERM, signal.SIGINT):
            proxy.send_signal(number)
        assert get(door.port, f"http://127.0.0.1:{canary.port}/").endswith(Canary.SECRET)
        assert os.getsid(proxy.pid) == proxy.pid


def test_a_killed_worker_leaves_no_proxy() -> None:
    command = [sys.executable, "-c", _OWNER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        port = int(owner.stdout.readline())
        (proxy,) = proxies(owner.pid)
        owner.kill()
    psutil.wait_procs([proxy], timeout=2)
    assert not proxy.is_running() or proxy.status() == psutil.STATUS_ZOMBIE
    assert not listens(port)


def test_the_programs_a_worker_starts_inherit_nothing_of_the_gate(gate: Gate) -> None:
    command = [sys.executable, "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))"]

    def inherited() -> bytes:
        return subprocess.run(command, capture_output=True, check=True, close_fds=False).stdout

    before = inherited()
    with gate.open(frozenset()):
        assert inherited() == before


def test_a_gate_that_is_closed_opens_again(gate: Gate) -> None:
    with gate.open(frozenset()):
        gate.close()
        assert proxies() == []
    with gate.open(frozenset()) as door:
        socket.create_connection(("127.0.0.1", door.port)).close()


def test_a_proxy_that_cannot_be_started_is_an_error(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    for start in ("raise SystemExit(1)", "import time; time.sleep(60)"):
        monkeypatch.setattr(module, "_START", start)
        monkeypatch.setattr(module, "_START_SECONDS", 0.3)
        with pytest.raises(OSError, match="egress proxy"), gate.open(frozenset()):
            pass
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError), gate.open(frozenset()):
        pass


def test_a_proxy_of_its_own_serves_until_it_is_told_to_end(get: Get, canary: Canary) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    exceptions = f"nas.test:80,127.0.0.1:{canary.port}"
    command = [sys.executable, "-m", "workers.egress", "127.0.0.1", str(port), exceptions]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        wait_until(lambda: listens(port))
        assert get(port, f"http://127.0.0.1:{canary.port}/").endswith(Canary.SECRET)
        assert get(port, "http://127.0.0.1:1/").startswith(b"HTTP/1.1 403 ")
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("words", [[], ["127.0.0.1"], ["127.0.0.1", "x"], ["127.0.0.1", "0", "nas"]])
def test_a_proxy_that_is_called_wrongly_says_how(words: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "workers.egress", *words], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("python -m workers.egress HOST PORT [HOST:PORT ...]: ")
