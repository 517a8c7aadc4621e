"""The whole of MediaNest as its owner runs it: `medianest up` on a data directory, asked over HTTP."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_socket

from tests.house import ROOT, kill_tree
from tests.servers import free_port, wait_until
from tests.standins.plex_sample import Sample
from tests.standins.video_site import VideoSite

READY_SECONDS = 40.0
ADMIN = ("owner", "correct horse battery")


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: Any


class System:
    """Starts, asks, stops and kills one installation; usable as a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        root: Path = ROOT,
        port: int = 0,
        scale: str = "",
        site: VideoSite | None = None,
        plex: Sample | None = None,
        **env: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        self.media = self.data / "media"
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "system.log"
        self.admin = ADMIN
        self._root, self._scale = root, scale
        self._env = {**plex.environment(), **env} if plex else env
        self.process: psutil.Popen | None = None
        if site is not None:
            self.site = site
            self._env = {"MEDIANEST_EGRESS_ALLOW": urlsplit(site.base).netloc, **self._env}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            kill_tree(self.process)

    def environment(self) -> dict[str, str]:
        """What every process of this installation gets."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANEST_")}
        for name in ("PORT", "DATABASE_URL", "REDIS_URL"):
            kept.pop(name, None)
        own = {"MEDIANEST_DATA_DIR": str(self.data), "PORT": str(self.port), "PYTHONPATH": str(self._root)}
        return {**kept, **own, **self._env}

    def start(self) -> None:
        """Start everything and wait until it is ready."""
        scale = [f"--scale={self._scale}"] if self._scale else []
        with self.log.open("ab") as log:
            self.process = psutil.Popen(
                [sys.executable, "-m", "app.cli.main", "up", *scale],
                cwd=self._root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._ready, READY_SECONDS, "a ready system")

    def _ready(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the system ended:\n{self.log.read_text()[-4000:]}")
        return self.call("GET", "/ready", token="").status == 200

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15.0) -> int:
        """Ask the supervisor to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return int(self.process.wait(seconds))

    @property
    def local_token(self) -> str:
        return "mnp_local_" + (self.data / "local-token").read_text().strip()

    @property
    def setup_code(self) -> str:
        return self.medianest("setup-code").stdout.strip().split()[-1]

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> Answer:
        """Ask the server; status 0 means that it did not answer."""
        secret = self.local_token if token is None else token
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if secret:
            sent["Authorization"] = f"Bearer {secret}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, dict(answer.headers), _json(answer.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), _json(error.read()))
        except OSError:
            return Answer(0, {}, None)

    def submit(self, kind: str, *, token: str | None = None, **params: Any) -> dict[str, Any]:
        """Submit a job; its resource."""
        answer = self.call("POST", "/api/v1/jobs", {"kind": kind, "params": params}, token=token)
        assert answer.status == 202, answer
        return dict(answer.body)

    def job(self, job_id: str) -> dict[str, Any]:
        """A job's resource."""
        return dict(self.call("GET", f"/api/v1/jobs/{job_id}").body)

    def wait_for(self, job_id: str, *states: str, seconds: float = 30.0) -> dict[str, Any]:
        """The job once it is in one of `states`."""
        wait_until(lambda: self.job(job_id)["state"] in states, seconds, f"{job_id} to be {states}")
        return self.job(job_id)

    def set_up(self) -> None:
        """Make the first admin."""
        name, password = self.admin
        body = {"code": self.setup_code, "username": name, "password": password}
        assert self.call("POST", "/api/v1/auth/setup", body, token="").status == 201

    def user_token(self, name: str) -> str:
        """A new user's personal token."""
        self.medianest(
            "user", "create", name, "--role", "user", "--password-file", str(self._password_file())
        )
        return self.medianest("token", "create", "--user", name, "--name", "test").stdout.strip()

    def _password_file(self) -> Path:
        file = self.log.with_name("password")
        file.write_text(self.admin[1])
        return file

    def medianest(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line on this installation."""
        command = [sys.executable, "-m", "app.cli.main", *words]
        done = subprocess.run(
            command,
            cwd=self._root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done

    @contextmanager
    def feed(self, *, since: str | None = None, token: str | None = None) -> Iterator[ClientConnection]:
        """An open socket of the live feed."""
        address = f"ws://{urlsplit(self.url).netloc}/ws" + (f"?since={since}" if since else "")
        secret = self.local_token if token is None else token
        with connect_socket(address, additional_headers={"Authorization": f"Bearer {secret}"}) as socket:
            yield socket

    def programs(self, word: str) -> list[psutil.Process]:
        """The running processes of this installation whose command line has `word`."""
        assert self.process is not None
        return [each for each in self.process.children(recursive=True) if word in " ".join(_words(each))]

    def strays(self) -> list[str]:
        """Command lines of processes that still work in the data directory."""
        mine = str(self.data)
        found = []
        for each in psutil.process_iter():
            try:
                if mine in " ".join(
                    [*each.cmdline(), each.environ().get("MEDIANEST_DATA_DIR", ""), each.cwd()]
                ):
                    found.append(" ".join(each.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
