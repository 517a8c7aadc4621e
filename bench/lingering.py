"""How long a fresh request takes while 25 clients that asked for `Connection: close` do not close.

The longest of five requests, each over a new connection. Beside it gunicorn's stock threaded worker with the same
application and only five such clients, because it waits two seconds for each.
"""

import socket
import time

from bench.figure import Figure, Setting
from bench.home import at_home, environment
from tests.app.web_process import WebServer
from tests.servers import RedisServer

DATABASES = ("SQLite",)
LINGERERS, STOCK_LINGERERS, FRESH = 25, 5, 5
TARGET = 0.5


def linger(port: int) -> socket.socket:
    """A client that has its answer and stays."""
    client = socket.create_connection(("127.0.0.1", port), 30)
    client.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    return client


def slowest(env: dict[str, str], lingerers: int, worker: str = "") -> float:
    """Seconds."""
    if worker:
        env = {**env, "GUNICORN_CMD_ARGS": f"--worker-class {worker}"}
    with WebServer(env, workers=1) as web:
        clients = [linger(web.port) for _ in range(lingerers)]
        found = []
        for path in ("/health", "/ready", "/health", "/ready", "/health")[:FRESH]:
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", web.port), 60) as fresh:
                fresh.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                assert fresh.recv(64).startswith(b"HTTP/1.1 200"), path
            found.append(time.monotonic() - began)
        for client in clients:
            client.close()
    return max(found)


def measure(setting: Setting) -> list[Figure]:
    """Ours, and the stock worker's."""
    with RedisServer() as redis:
        env = environment(setting, redis, setting.folder / "ours")
        with at_home(env):
            ours = slowest(env, LINGERERS)
            stock = slowest(env, 1 if setting.short else STOCK_LINGERERS, "gthread")
    return [
        Figure(
            *(f"a fresh request beside {LINGERERS} clients that linger", "", ours, TARGET, True, "s"),
            ours=f"{ours:.3f} s",
            rival=f"{stock:.1f} s (stock worker, {1 if setting.short else STOCK_LINGERERS} clients)",
        )
    ]
