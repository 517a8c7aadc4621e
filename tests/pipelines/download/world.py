"""A worker's egress proxy in a small world: names from a DNS stand-in, and one public address, the video site's.

Everything else is the real process of the real gate; a private address leads to where it always does.
"""

import socket
from typing import Any
from unittest.mock import patch

from pipelines.integrations.egress import address, process
from tests.standins.dns import AAAA, A, ask

PUBLIC = "93.184.215.14"

_START = """
import sys
sys.path.insert(0, sys.argv.pop())
from tests.pipelines.download import world
world.main({dns}, {site}, {ports})
"""


def start(dns: int, site: int, ports: tuple[int, ...]) -> str:
    """What the gate is to start: the DNS server and the site by their ports, `ports` are as good as 80."""
    return _START.format(dns=dns, site=site, ports=ports)


def main(dns: int, site: int, ports: tuple[int, ...]) -> None:
    look_up, dial = socket.getaddrinfo, socket.socket.connect

    def resolve(host: str, port: int, *rest: Any, **words: Any) -> Any:
        if not host.endswith(".test"):
            return look_up(host, port, *rest, **words)
        found = (one for kind in (A, AAAA) for one in ask(dns, host, kind))
        return [(socket.AF_UNSPEC, socket.SOCK_STREAM, 0, "", (one, port)) for one in found]

    def connect(self: socket.socket, target: Any) -> None:
        dial(self, ("127.0.0.1", site) if target[0] == PUBLIC else target)

    with patch.object(socket, "getaddrinfo", resolve), patch.object(socket.socket, "connect", connect):
        address.PORTS.update({f"canary {port}": port for port in ports})
        process.main()
