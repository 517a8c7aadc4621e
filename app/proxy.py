"""Where the request really comes from and under which path we are shown, before Flask looks at it.

Forwarded headers count only if the peer is a proxy that the owner named; from anyone else they are
removed, so that nothing behind this can be fooled by them.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger(__name__)

HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BehindProxy:
    """WSGI: the client's address, scheme and host from trusted proxies; `base_path` kept or stripped by them."""

    def __init__(self, app: "WSGIApplication", trusted: Iterable[str], base_path: str) -> None:
        self._app = app
        self._trusted = [ipaddress.ip_network(network, strict=False) for network in trusted]
        self._base_path = base_path
        self._warned = False

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        said = {name: environ.pop(name, "") for name in FORWARDED}
        if self._trusts(environ.get("REMOTE_ADDR", "")):
            self._believe(environ, said)
        elif said["HTTP_X_FORWARDED_FOR"] and not self._warned:
            self._warned = True
            log.warning(
                "somebody unknown speaks for others; if it is your proxy, name it in MEDIANEST_TRUSTED_PROXIES",
                address=environ.get("REMOTE_ADDR", ""),
            )
        if self._base_path and environ.get("PATH_INFO") == self._base_path:
            # the page's addresses are relative, they need the closing slash
            start_response(
                "308 Permanent Redirect", [("Location", f"{self._base_path}/"), ("Content-Length", "0")]
            )
            return []
        if self._base_path:
            self._mount(environ)
        return self._app(environ, start_response)

    def _trusts(self, text: str) -> bool:
        address = _address(text) if self._trusted else None
        return address is not None and any(address in network for network in self._trusted)

    def _believe(self, environ: "WSGIEnvironment", said: dict[str, str]) -> None:
        hops = [hop.strip() for hop in said["HTTP_X_FORWARDED_FOR"].split(",") if hop.strip()]
        while len(hops) > 1 and self._trusts(hops[-1]):
            hops.pop()
        if hops and _address(hops[-1]) is not None:
            environ["REMOTE_ADDR"] = hops[-1]
        scheme = _last(said["HTTP_X_FORWARDED_PROTO"]).lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = _last(said["HTTP_X_FORWARDED_HOST"])
        if HOST.fullmatch(host):
            environ["HTTP_HOST"] = host

    def _mount(self, environ: "WSGIEnvironment") -> None:
        path = environ.get("PATH_INFO", "")
        if path.startswith(f"{self._base_path}/"):
            environ["PATH_INFO"] = path[len(self._base_path) :]
        environ["SCRIPT_NAME"] = self._base_path


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _last(values: str) -> str:
    """What the nearest proxy said."""
    return values.rpartition(",")[2].strip()
