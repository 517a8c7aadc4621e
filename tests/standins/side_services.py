"""What stands beside Plex, as far as being visited goes: Overseerr, Uptime Kuma, and a server that sends on.

Overseerr's answers are shaped as recorded ones; /status asks for no key. Uptime Kuma sends browsers to its first page
and shows /metrics to whoever has a key as password. `switches` fails each of them (see `plex_switches`).
"""

import base64
import json
from abc import ABC

from tests.standins.plex_http import Answer, Listener, Request

JSON = "application/json; charset=utf-8"
METRICS = """\
# HELP monitor_status Monitor Status (1 = UP, 0= DOWN, 2= PENDING, 3= MAINTENANCE)
# TYPE monitor_status gauge
monitor_status{monitor_name="Plex",monitor_type="http"} 1
"""


class _Keyed(Listener, ABC):
    """A server with a key."""

    def __init__(self, key: str = "") -> None:
        super().__init__()
        self.key = key

    def refusal(self, request: Request, status: int) -> Answer:
        words = {"status": status, "error": "You do not have permission to access this endpoint"}
        return Answer(status, json.dumps(words).encode(), JSON)

    def nothing(self, request: Request) -> Answer:
        return Answer(404, b'{"message":"not found","errors":[]}', JSON)


class Overseerr(_Keyed):
    """Tells its version to everybody and the account behind a key to its holder."""

    def answer(self, request: Request) -> Answer | None:
        if request.path == "/api/v1/status":
            return Answer(200, b'{"version":"1.34.0","commitTag":"local","updateAvailable":false}', JSON)
        if request.path == "/api/v1/auth/me":
            if request.headers.get("X-Api-Key") != self.key:
                return self.refusal(request, 403)
            return Answer(200, b'{"permissions":2,"id":1,"displayName":"admin"}', JSON)
        return None


class UptimeKuma(_Keyed):
    """Sends on to its dashboard, and counts for the holder of a key."""

    def answer(self, request: Request) -> Answer | None:
        if request.path == "/":
            return Answer(302, headers={"Location": "/dashboard"})
        if request.path == "/metrics":
            expected = base64.b64encode(f":{self.key}".encode()).decode()
            if request.headers.get("Authorization") != f"Basic {expected}":
                return self.refusal(request, 401)
            return Answer(200, METRICS.encode(), "text/plain")
        return None


class Signpost(_Keyed):
    """Sends everybody on to the same path at `target`."""

    target = ""

    def answer(self, request: Request) -> Answer:
        return Answer(302, b"Moved", "text/plain", {"Location": self.target + request.path})
