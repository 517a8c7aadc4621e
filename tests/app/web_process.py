"""The application as it is served: gunicorn with the project's own configuration; and other applications, as rivals."""

import http.client
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.private_server import Server, free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 10.0
OWN_CONFIGURATION = ("-c", "python:config.gunicorn")


class Gunicorn(Server):
    """gunicorn and its workers, up as soon as `sign`, a path and its status, is to be had.

    `environment` is all the settings that they get.
    """

    application = ""
    sign = ("/", 200)

    def __init__(self, name: str, environment: dict[str, str], *options: str) -> None:
        super().__init__(name)
        self.port = free_port()
        self.environment = {"PATH": os.environ["PATH"], "PORT": str(self.port)} | environment
        self._options = options

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *self._options, self.application],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        path, status = self.sign
        try:
            return self.ask("GET", path)[0] == status
        except (OSError, http.client.HTTPException):
            return False

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, Any]:
        """Status, body and headers of an answer, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()


class WebServer(Gunicorn):
    """MediaNest itself."""

    application = "app:create_app()"
    sign = ("/health", 200)

    def __init__(self, environment: dict[str, str], *, workers: int = 1) -> None:
        super().__init__("web", environment, *OWN_CONFIGURATION, "-w", str(workers))
