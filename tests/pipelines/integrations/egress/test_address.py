"""What counts as an address, which of them are public, and what a URL is refused for."""

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.integrations.egress import address
from pipelines.integrations.egress.address import is_public, literal, refusal

NOTHING: address.Allowed = frozenset()

LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0X7F.1", "017700000001", "0177.0.0.1",
    "0x7f.0.0.0x1", "127.0.0.1.", "127.000.000.001", "00000177.0.0.1", "127%2e0%2E0.1", "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1", "127。0。0。1", "127\uff0e0\uff0e0\uff0e1", "①②⑦.0.0.①", "127.\u00ad0.0.1", "127.0.0.\u200b1",
    "[127.0.0.1]",
]  # fmt: skip
WRAPPED = [
    "[::1]", "::1", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2002:0a00:0001::1]",
    "[2001:0:7f00:1::]", "[2001:0:5db8:d70e:0:0:80ff:fffe]", "[::]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fc00::1]",
    "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b:1:ffff::8.8.8.8]",
]  # fmt: skip
PRIVATE = [
    "0.0.0.0", "0", "0x", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.7", "203.0.113.7", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "4294967295", "3232235777",
]  # fmt: skip
PUBLIC = [
    "93.184.215.14", "8.8.8.8", "010.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "198.17.0.1",
    "223.255.255.255", "[2606:4700::1111]", "[::ffff:8.8.8.8]", "[64:ff9b::8.8.8.8]", "[2002:808:808::1]",
]  # fmt: skip
NAMES = [
    "example.com",
    "a",
    "127.0.0.1.nip.io",
    "dead.beef",
    "1e100.net",
    "0x7f.example",
    "xn--bcher-kva.example",
]
BROKEN = [
    "", ".", "..", "256.0.0.1", "1.2.3.256", "1.2.3.4.5", "08.1.1.1", "4294967296", "1..2", "0xg.1.0", "[::1", "[::g]",
    "a b", "a/b", "a\\b", "a@b", "-a.example", "a..b", "ex%ample", "%2531.0.0.1", "example.0x7f", "x" * 64,
    "a." * 127 + "com", "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_every_spelling_of_an_address_is_that_address(host: str) -> None:
    assert literal(host) == IPv4Address("127.0.0.1")


@pytest.mark.parametrize("host", [*LOOPBACK, *WRAPPED, *PRIVATE])
def test_a_private_address_is_refused_however_it_is_spelt_or_wrapped(host: str) -> None:
    found = literal(host)
    assert found and not is_public(found)
    assert address.host_refusal(host, 80, NOTHING) == "leads into a private network"


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_may_be_reached(host: str) -> None:
    found = literal(host)
    assert found and is_public(found)
    assert address.host_refusal(host, 443, NOTHING) is None


@pytest.mark.parametrize("host", NAMES)
def test_a_name_is_no_address_and_left_to_dns(host: str) -> None:
    assert literal(host) is None
    assert address.host_refusal(host, 80, NOTHING) is None


@pytest.mark.parametrize("host", BROKEN)
def test_what_is_neither_a_name_nor_an_address_is_refused(host: str) -> None:
    assert address.host_refusal(host, 80, NOTHING) == "is not a valid address"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "a.localhost", "%6cocalhost", "\uff4cocalhost"]
)
def test_this_machine_by_name_is_refused(host: str) -> None:
    assert address.host_refusal(host, 80, NOTHING) == "leads into a private network"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", None),
        ("HTTPS://example.com:443/a b?c#d", None),
        ("https://example.com:80/", None),
        ("https://bücher.example/", None),
        ("https://हिन्दी.example/", None),
        ("http://example.com:22/", "uses another port than 80 and 443"),
        ("http://example.com:0/", "uses another port than 80 and 443"),
        ("http://example.com:8080/", "uses another port than 80 and 443"),
        ("http://example.com:/", "is not a valid address"),
        ("http://example.com:65536/", "is not a valid address"),
        ("http://example.com:x/", "is not a valid address"),
        ("http://example.com:80:80/", "is not a valid address"),
        ("http:///path", "is not a valid address"),
        ("http:127.0.0.1", "is not a valid address"),
        ("http://", "is not a valid address"),
        ("http://exa\tmple.com/", "is not a valid address"),
        ("http://example.com/\r\nX: y", "is not a valid address"),
        ("http://example.com/\0", "is not a valid address"),
        ("http://[::1/", "is not a valid address"),
        ("http://a\\b/", "is not a valid address"),
        ("http://user@example.com/", "contains a user name or password"),
        ("http://example.com@127.0.0.1/", "contains a user name or password"),
        ("http://a\\@127.0.0.1/", "contains a user name or password"),
        ("file:///etc/passwd", "is not an http or https address"),
        ("ftp://example.com/", "is not an http or https address"),
        ("rtmp://example.com/", "is not an http or https address"),
        ("//example.com/", "is not an http or https address"),
        ("example.com", "is not an http or https address"),
        ("", "is not an http or https address"),
        ("http://127.0.0.1/", "leads into a private network"),
        ("http://localhost:8000/", "leads into a private network"),
    ],
)
def test_a_url_is_judged_by_its_form_its_port_and_its_literal(url: str, reason: str | None) -> None:
    assert refusal(url, NOTHING) == reason


def test_an_exception_is_one_host_with_one_port() -> None:
    allowed = frozenset(
        map(address.exception, ["127.0.0.1:8123", "NAS.local.:8096", "[::1]:80", "localhost:81"])
    )
    assert refusal("http://127.0.0.1:8123/", allowed) is None
    assert refusal("http://nas.LOCAL:8096/", allowed) is None
    assert refusal("http://[::1]/", allowed) is None
    assert refusal("http://localhost:81/", allowed) is None
    assert refusal("http://127.0.0.1:8124/", allowed) == "leads into a private network"
    assert refusal("http://127.0.0.2:8123/", allowed) == "leads into a private network"
    assert refusal("http://[::ffff:127.0.0.1]:8123/", allowed) == "leads into a private network"
    assert refusal("http://nas.local:8097/", allowed) == "uses another port than 80 and 443"
    assert refusal("http://x@127.0.0.1:8123/", allowed) == "contains a user name or password"


@pytest.mark.parametrize("text", ["", "host", "host:", ":80", "host:0", "host:65536", "host:x", "host:²"])
def test_an_exception_without_a_host_or_a_port_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        address.exception(text)


@given(st.ip_addresses(v=4))
def test_no_public_four_is_private_to_the_standard_library(four: IPv4Address) -> None:
    assert not is_public(four) or (four.is_global and not four.is_multicast and not four.is_reserved)


@given(st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address))
def test_no_public_six_is_private_to_the_standard_library(six: IPv6Address) -> None:
    assert not is_public(six) or six.sixtofour or six.teredo or six.is_global


@given(st.ip_addresses(v=4))
def test_wrapped_in_six_an_address_stays_what_it_is(four: IPv4Address) -> None:
    number = int(four)
    for prefix in (0xFFFF << 32, 0, 0x64FF9B << 96, 0x64FF9B0001 << 80):
        assert is_public(IPv6Address(prefix | number)) == is_public(four)
    assert is_public(IPv6Address(0x2002 << 112 | number << 80 | 1)) == is_public(four)
    teredo = 0x20010000 << 96 | int(IPv4Address("8.8.8.8")) << 64 | number ^ 0xFFFFFFFF
    assert is_public(IPv6Address(teredo)) == is_public(four)


@given(st.ip_addresses(), st.booleans())
def test_an_address_is_read_back_from_how_it_is_written(one: IPv4Address | IPv6Address, long: bool) -> None:
    assert literal(one.exploded if long else str(one)) == one


@given(st.from_regex(r"(0x)?[0-9a-f]{1,11}(\.(0x)?[0-9a-f]{1,4}){0,3}", fullmatch=True))
def test_numbers_are_read_as_the_c_library_reads_them(text: str) -> None:
    try:
        expected = IPv4Address(socket.inet_aton(text))
    except OSError:
        assert literal(text) is None
    else:
        assert literal(text) == expected


@given(st.text())
def test_no_text_breaks_the_judge(text: str) -> None:
    refusal(text, NOTHING)
    refusal(f"http://{text}/", NOTHING)
