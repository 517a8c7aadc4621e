"""What `medianest up` finds out about its settings and its own address."""

import signal
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from workers import supervisor


def _has_six() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


LOOPBACK, EVERYWHERE = (
    (["127.0.0.1", "::1"], ["0.0.0.0", "::"]) if _has_six() else (["127.0.0.1"], ["0.0.0.0"])
)


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _SixServer(HTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture
def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a web server on the address that is the fixture's parameter, which the settings name."""
    server = (_SixServer if ":" in request.param else HTTPServer)((request.param, 0), _Ready)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """The supervisor sets its own, which must not stay."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signal_handlers")
def test_an_empty_redis_url_means_the_private_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", "")
    started = supervisor.Supervisor(supervisor._prepare(), {}, "")
    try:
        assert started._start_redis() and started._redis is not None and started._redis.running()
    finally:
        if started._redis is not None:
            started._redis.stop()


@pytest.mark.parametrize("port", [*LOOPBACK, *EVERYWHERE], indirect=True)
def test_the_web_process_is_found_ready_whatever_proxy_the_machine_uses(
    port: int, request: pytest.FixtureRequest
) -> None:
    assert supervisor._answers(request.node.callspec.params["port"], port)


@pytest.mark.parametrize("port", LOOPBACK, indirect=True)
def test_a_taken_port_is_refused_and_a_free_one_is_not(
    port: int, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    host = request.node.callspec.params["port"]
    with pytest.raises(SystemExit):
        supervisor._require_port(host, port)
    assert f"PORT {port} cannot be used: Address already in use" in capsys.readouterr().err
    supervisor._require_port(host, port + 1 if port < 65535 else port - 1)
