"""The application as it is served: gunicorn with the project's own configuration."""

import http.client
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.private_server import Server, free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 10.0


class WebServer(Server):
    """gunicorn and its workers; `environment` is all the settings they get."""

    def __init__(self, environment: dict[str, str], *, workers: int = 1) -> None:
        super().__init__("web")
        self.port = free_port()
        self._workers = workers
        self.environment = {"PATH": os.environ["PATH"], "PORT": str(self.port)} | environment

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        gunicorn = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "python:config.gunicorn",
            "-w",
            str(self._workers),
        ]
        return subprocess.Popen(
            [*gunicorn, "app:create_app()"],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/health")[0] == 200
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
