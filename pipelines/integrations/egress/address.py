"""Which addresses on the web may be reached: judged by form, port and address, without asking DNS.

A host is understood as leniently as the most lenient program would, so that no spelling of a private
address passes for a name.
"""

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote, urlsplit

Address = IPv4Address | IPv6Address
Allowed = frozenset[tuple[str, int]]

PORTS = {"http": 80, "https": 443}

PRIVATE = "leads into a private network"
MALFORMED = "is not a valid address"
SCHEME = "is not an http or https address"
USERINFO = "contains a user name or password"
PORT = "uses another port than 80 and 443"

_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_NAME = re.compile(r"(?!-)(?:[\w-]|[^\x00-\x7f]){1,63}(?:\.(?:[\w-]|[^\x00-\x7f]){1,63})*")
_LONGEST_NAME = 253

_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    )
)  # fmt: skip
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "3fff::/20"))
# Networks whose last 32 bits are an IPv4 address: mapped, compatible, both of NAT64.
_ENDS_IN_4 = tuple(
    IPv6Network(network) for network in ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/96")
)


def plain(host: str) -> str:
    """The host as it is compared: decoded, lower case, without brackets, trailing dot or invisible marks."""
    text = unicodedata.normalize("NFKC", unquote(host)).replace("\u3002", ".").lower()
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return text.removesuffix(".")


def literal(host: str) -> Address | None:
    """The address that the host spells in any of the ways that programs understand; None: it is a name."""
    text = plain(host)
    if ":" in text:
        try:
            return IPv6Address(text.partition("%")[0])
        except AddressValueError:
            return None
    return _four(text)


def is_public(address: Address) -> bool:
    """Whether the address is one host on the internet, also inside whatever it is wrapped in."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    if inner := wrapped(address):
        return all(map(is_public, inner))
    return address in _UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def wrapped(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that it is made of; none if it is an address of its own."""
    if any(address in network for network in _ENDS_IN_4):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour:
        return (address.sixtofour,)
    return address.teredo or ()


def all_public(addresses: list[str]) -> bool:
    """The same of what a resolver answered: one bad address spoils the name."""
    return all(is_public(ip_address(address)) for address in addresses)


def exception(text: str) -> tuple[str, int]:
    """`host:port` as a member of Allowed. ValueError if it is not one."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not host:port")
    return key(host, int(port))


def key(host: str, port: int) -> tuple[str, int]:
    """How a host and its port are named in Allowed."""
    address = literal(host)
    return (str(address) if address else plain(host), port)


def host_refusal(host: str, port: int, allowed: Allowed) -> str | None:
    """Why this host and port may not be reached, as far as can be said without DNS."""
    if key(host, port) in allowed:
        return None
    address, name = literal(host), plain(host)
    if address is None and not is_name(name):
        return MALFORMED
    if (address and not is_public(address)) or name.rpartition(".")[2] == "localhost":
        return PRIVATE
    return None if port in PORTS.values() else PORT


def refusal(url: str, allowed: Allowed) -> str | None:
    """Why this URL may not be fetched, fit for "url: <reason>"; None if nothing is wrong with it."""
    if any(unicodedata.category(char) == "Cc" for char in url):
        return MALFORMED
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return MALFORMED
    if parts.scheme not in PORTS:
        return SCHEME
    if "@" in parts.netloc:
        return USERINFO
    if not parts.hostname or parts.netloc.endswith(":"):
        return MALFORMED
    return host_refusal(parts.hostname, PORTS[parts.scheme] if port is None else port, allowed)


def is_name(name: str) -> bool:
    """A host name; one that ends in a number is a broken address, never a name."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        return False
    return not _NUMBER.fullmatch(name.rpartition(".")[2])


def _four(text: str) -> IPv4Address | None:
    """One to four numbers, decimal, octal or hexadecimal, of which the last fills what is left."""
    parts = text.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    try:
        *first, last = (_number(part) for part in parts)
    except ValueError:
        return None
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return None
    return IPv4Address(sum(number << (24 - 8 * place) for place, number in enumerate(first)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if text.startswith("0") else 10)
