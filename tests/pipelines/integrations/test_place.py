"""Where a service may be: private networks and this machine, never where machines are told their secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.integrations.place import LONGEST, WrongPlace, read_url, same_place, shown


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://192.168.1.5:32400", "http://192.168.1.5:32400"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[::1]:5055/", "http://[::1]:5055"),
        ("http://[fd12::1]", "http://[fd12::1]"),
        ("http://10.0.0.1/plex/", "http://10.0.0.1/plex"),
        ("HTTPS://Plex.Example//", "https://plex.example"),
        ("http://localhost:3001", "http://localhost:3001"),
        ("http://plex:32400", "http://plex:32400"),
        ("http://plex_server", "http://plex_server"),
        ("http://100.64.0.7", "http://100.64.0.7"),
        ("https://1-2-3-4.abcdef.plex.direct:32400", "https://1-2-3-4.abcdef.plex.direct:32400"),
        ("https://bücher.example", "https://bücher.example"),
    ],
)
def test_a_good_address_has_one_spelling(text: str, url: str) -> None:
    assert read_url(text) == url == read_url(url)


@pytest.mark.parametrize(
    "text",
    [
        *("", "plex", "plex:32400", "//plex", "ftp://plex", "file:///etc/passwd", "http://", "http:///x"),
        *("http://user@plex", "http://user:pw@plex", "http://@plex", "http://plex\uff20evil.example"),
        *(
            "http://plex?",
            "http://plex/?x=1",
            "http://plex#",
            "http://plex/#x",
            "http://plex:",
            "http://plex:0",
        ),
        *("http://plex:65536", "http://plex:x", "http://plex:-1", "http://a b", "http://a\tb", "http://a\nb"),
        *(
            "http://plex\x00",
            " http://plex",
            "http://plex\\evil",
            "http://pl%65x",
            "http://[::1",
            "http://[x]",
        ),
        *("http://1.2.3.4.5", "http://256.1.1.1", "http://a..b", "http://-a", f"http://plex/{'x' * LONGEST}"),
    ],
)
def test_what_is_no_address_of_a_service_is_refused(text: str) -> None:
    with pytest.raises(WrongPlace):
        read_url(text)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "169.254.169.254",
            "169.254.1.1",
            "0.0.0.0",
            "0",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
        ),
        *(
            "100.100.100.200",
            "168.63.129.16",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
        ),
        *(
            "[::]",
            "[fe80::1]",
            "[fe80::1%25eth0]",
            "[ff02::1]",
            "[fd00:ec2::254]",
            "[::ffff:169.254.169.254]",
        ),
        *(
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "169.254.169.254.",
            "[::ffff:0:0]",
        ),
        *("①⑥⑨.②⑤④.①⑥⑨.②⑤④", "169。254。169。254"),
    ],
)
def test_where_no_service_is_none_can_be_set_in_any_spelling(host: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(WrongPlace):
            read_url(f"{scheme}://{host}:8080/latest")


@given(st.text() | st.from_regex(r"https?://[ -~]{0,40}", fullmatch=True))
def test_any_text_is_an_address_in_its_one_spelling_or_refused(text: str) -> None:
    try:
        url = read_url(text)
    except WrongPlace:
        return
    assert read_url(url) == url and same_place(url, url) and not url.endswith("/")
    assert "@" not in url.split("/")[2] and "?" not in url and "#" not in url


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("http://plex:32400", "http://plex:32400/web", True),
        ("http://plex:32400", "http://PLEX.:32400", True),
        ("http://plex", "http://plex:80", True),
        ("http://plex:32400", "https://plex:32400", True),
        ("https://plex:32400", "http://plex:32400", False),
        ("http://plex", "https://plex", False),
        ("http://plex:32400", "http://plex:32401", False),
        ("http://plex:32400", "http://plax:32400", False),
        ("http://127.0.0.1:1", "http://localhost:1", False),
        ("http://plex:odd", "http://plex:32400", False),
        ("http://plex", "ftp://plex", False),
    ],
)
def test_a_secret_goes_to_the_same_place_only_and_never_newly_in_the_clear(
    old: str, new: str, same: bool
) -> None:
    assert same_place(old, new) is same


def test_nothing_secret_of_an_address_is_shown() -> None:
    assert shown("http://user:canary@plex:32400/a?X-Plex-Token=canary#canary") == "http://plex:32400/a"
    assert shown(None) is None
