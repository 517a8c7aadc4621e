"""Where a service may be, judged by the form of its URL without asking DNS.

Services stand in private networks, so those are fine; what no service is at, and where secrets of a machine are to be
had, is not.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from urllib.parse import SplitResult, urlsplit

from pipelines.integrations.egress.address import PORTS, Address, is_name, literal, plain, wrapped

LONGEST = 500  # characters

# "this" network, link-local, multicast and reserved; and where clouds tell a machine its secrets
_NOWHERE_4 = tuple(
    IPv4Network(network)
    for network in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "100.100.100.200/32", "168.63.129.16/32")
)
_NOWHERE_6 = tuple(
    IPv6Network(network)
    for network in ("::/128", "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128")
)


class WrongPlace(ValueError):
    """No service can be there; the message continues "url: "."""


def read_url(text: str) -> str:
    """The URL in one spelling, without a slash at its end; raises WrongPlace."""
    if len(text) > LONGEST:
        raise WrongPlace(f"must have at most {LONGEST} characters")
    if not text.isprintable() or " " in text:
        raise WrongPlace("is not a valid address")
    if "?" in text or "#" in text:
        raise WrongPlace("must end with host, port or path, without ? and #")
    parts = _split(text)
    _judge_host(parts)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise WrongPlace("is not a valid address") from None
    if parts.scheme not in PORTS:
        raise WrongPlace("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise WrongPlace("must not contain a user name or password")
    if not parts.hostname or port == 0 or parts.netloc.endswith(":") or "%" in parts.netloc:
        raise WrongPlace("is not a valid address")
    return parts


def _judge_host(parts: SplitResult) -> None:
    host = parts.hostname or ""
    address = literal(host)
    if address is None and not is_name(plain(host)):
        raise WrongPlace("is not a valid address")
    if address is not None and is_nowhere(address):
        raise WrongPlace("leads to an address at which no service can be")


def is_nowhere(address: Address) -> bool:
    """Whether no service can be at the address, also inside whatever it is wrapped in."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in _NOWHERE_4)
    if address.is_loopback:  # else it would be taken for a spelling of 0.0.0.1
        return False
    return any(address in network for network in _NOWHERE_6) or any(map(is_nowhere, wrapped(address)))


def same_place(old: str, new: str) -> bool:
    """Whether a secret for `old` may go to `new`: the same host and port, and not in the clear if it was not before."""
    try:
        before, after = _place(old), _place(new)
    except (ValueError, KeyError):  # neither the environment nor a redirect has to make sense
        return False
    return before[1:] == after[1:] and (before[0], after[0]) != ("https", "http")


def _place(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, plain(parts.hostname or ""), parts.port or PORTS[parts.scheme]


def shown(url: str | None) -> str | None:
    """The URL as it may be shown: an environment's may hold a password or a token."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
