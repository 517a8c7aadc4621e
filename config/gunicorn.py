"""gunicorn's settings for the web process: `gunicorn -c python:config.gunicorn …`.

Nothing is loaded before the fork: database connections, Redis connections and the feed's thread must
not be shared between workers.
"""

from pathlib import Path
from typing import Any

from config.gunicorn_worker import close_feed
from config.settings import settings
from config.tether import hold

_settings = settings()
_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
_shared_memory = Path("/dev/shm")

bind = f"{_host}:{_settings.port}"
backlog = 2048
# SQLite has one writer at a time: a second process would only wait for the first.
workers = 1 if _settings.sqlite else 2
worker_class = "config.gunicorn_worker.SafeThreadWorker"
threads = 8
worker_connections = 1000
preload_app = False
max_requests = 0
timeout = 30
graceful_timeout = 5
keepalive = 5
limit_request_line = 8190
worker_tmp_dir = str(_shared_memory) if _shared_memory.is_dir() else None
control_socket_disable = True
accesslog = None
# gunicorn trusts loopback unless told otherwise; we trust who is named, and nobody else.
forwarded_allow_ips = ",".join(_settings.trusted_proxies)


def when_ready(_server: Any) -> None:
    """The master listens."""
    hold()


def worker_exit(_server: Any, worker: Any) -> None:
    """A worker ends; on SIGTERM its feed is closed already, in other cases this does it."""
    close_feed(worker)
