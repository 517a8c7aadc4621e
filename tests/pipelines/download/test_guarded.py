"""No download reaches an address of this machine: however it is written, whatever leads there."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import pytest
from pydantic import ValidationError

from pipelines.download.params import Params
from pipelines.errors import JobError
from pipelines.integrations.egress import address
from pipelines.integrations.egress import gate as egress
from pipelines.integrations.egress.address import Allowed
from pipelines.integrations.ytdlp import client, fence
from pipelines.integrations.ytdlp.client import Listed, Wanted, Watch
from pipelines.integrations.ytdlp.staging import size
from tests.pipelines.download import world
from tests.pipelines.download.corpus import LITERALS, REBINDING, WAYS, cases
from tests.standins.canary import Canary
from tests.standins.dns import A, DnsServer
from tests.standins.secure_site import SecureVideoSite
from tests.standins.video_site import VideoSite

CASES = {str(case): case for case in cases()}
SITE = "http://site.test"
PLAYABLE = ("direct", "redirect", "content", "segment", "live", "key", "nested", "dash", "entry", "subtitles")
AT_ONCE = 4
REACHED = "reached"
DEADLINE = 60.0
# Of a live broadcast, which never ends, this much is enough to know that it is fetched.
ENOUGH = 100_000


class Enough(Exception):
    """What was to be seen was seen."""


class Endless(Exception):
    """Nothing ended it within the deadline."""


@dataclass(frozen=True)
class Canaries:
    four: Canary
    six: Canary

    def at(self, form: str) -> str:
        return form.format(four=self.four.port, six=self.six.port)


@pytest.fixture(scope="module")
def canaries() -> Iterator[Canaries]:
    with Canary("127.0.0.1") as four, Canary("::1") as six:
        yield Canaries(four, six)


@pytest.fixture(scope="module")
def names() -> Iterator[DnsServer]:
    rebinding = {f"{way}.rebinding.test": [[world.PUBLIC], ["127.0.0.1"]] for way in REBINDING}
    lasting = {"site.test": world.PUBLIC, "inside.test": "127.0.0.1"}
    mixed = {"mixed.test": [[world.PUBLIC, "127.0.0.1"]]}
    with DnsServer(rebinding | mixed | {name: [[one]] for name, one in lasting.items()}) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(site: VideoSite, canaries: Canaries, names: DnsServer) -> Iterator[None]:
    """Downloads go through a proxy that asks these names and does not mind the ports of the canaries."""
    ports = (canaries.four.port, canaries.six.port)
    gate = egress.Gate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(egress, "_START", world.start(names.port, urlsplit(site.base).port or 80, ports))
        patch.setattr(client, "gate", gate)
        yield
        gate.close()


@pytest.fixture(scope="module")
def ends(guarded: None, canaries: Canaries, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How the download of each case ended."""
    staging = tmp_path_factory.mktemp("corpus")

    def end(case: str) -> str:
        wanted = WAYS[CASES[case].way].wanted(SITE, canaries.at(CASES[case].there))
        return end_of(wanted, staging / case)

    return all_of(CASES, end)


@pytest.fixture(scope="module")
def controls(guarded: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How it ends where the same way leads to a public address."""
    staging = tmp_path_factory.mktemp("controls")

    def end(way: str) -> str:
        where = staging / way
        return end_of(WAYS[way].wanted(SITE, SITE), where, lambda: WAYS[way].live and size(where) > ENOUGH)

    return all_of(PLAYABLE, end)


@pytest.fixture(scope="module")
def reached(guarded: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How it ends where the same way leads to a canary that the owner allowed."""
    staging = tmp_path_factory.mktemp("reached")

    def end(way: str) -> str:
        with Canary() as canary:
            wanted = WAYS[way].wanted(SITE, canary.url(""))
            allowed = frozenset({(canary.host, canary.port)})
            ended = end_of(wanted, staging / way, lambda: canary.hits > 0, allowed)
            return REACHED if canary.hits else ended

    return all_of(WAYS, end)


def all_of(names: Iterable[str], end: Callable[[str], str]) -> dict[str, str]:
    several = list(names)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(several, pool.map(end, several), strict=True))


def end_of(
    wanted: Wanted, staging: Path, enough: Callable[[], bool] = lambda: False, allowed: Allowed = frozenset()
) -> str:
    """The code of the error, or what became of it; of a playlist it is the second entry that counts."""
    deadline = time.monotonic() + DEADLINE

    def check() -> None:
        if enough():
            raise Enough
        if time.monotonic() > deadline:
            raise Endless

    try:
        got = client.fetch(wanted, staging, name="1", attempt=1, watch=Watch(check=check), allowed=allowed)
    except (Enough, Endless) as stop:
        return type(stop).__name__
    except JobError as error:
        return error.code
    if isinstance(got, Listed):
        return end_of(Wanted(got.entries[1].url), staging / "entry", enough, allowed)
    return "Fetched"


@pytest.mark.parametrize("case", CASES)
def test_a_download_that_is_led_to_this_machine_is_refused(ends: dict[str, str], case: str) -> None:
    # Without the kernel's fence ffmpeg fetches nothing over https, so it does not get as far as the proxy.
    unheard = case == "sample-aes-https" and not fence.possible()
    assert ends[case] == ("download_failed" if unheard else "blocked_address")


def test_nobody_knocks_at_a_canary(ends: dict[str, str], canaries: Canaries) -> None:
    assert len(ends) == len(CASES) >= 60
    for canary in (canaries.four, canaries.six):
        assert (canary.connections, canary.paths) == (0, [])


@pytest.mark.parametrize("way", REBINDING)
def test_a_rebinding_name_was_public_when_it_was_first_asked_for(
    ends: dict[str, str], names: DnsServer, way: str
) -> None:
    assert names.asked.count((f"{way}.rebinding.test", A)) >= 2


@pytest.mark.parametrize("form", LITERALS)
def test_an_address_that_spells_this_machine_is_refused_at_once(canaries: Canaries, form: str) -> None:
    with pytest.raises(ValidationError, match=address.PRIVATE):
        Params(url=canaries.at(LITERALS[form]) + "/small.mp4")


@pytest.mark.parametrize("way", PLAYABLE)
def test_the_same_way_to_a_public_address_is_free(controls: dict[str, str], way: str) -> None:
    assert controls[way] == ("Enough" if WAYS[way].live else "Fetched")


@pytest.mark.parametrize("way", WAYS)
def test_the_same_way_leads_to_a_canary_that_is_allowed(reached: dict[str, str], way: str) -> None:
    assert reached[way] == REACHED


@pytest.mark.parametrize("way", ["direct", "segment", "live", "key"])
def test_without_proxy_and_guard_a_canary_is_reached(
    site: VideoSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    no_door = SimpleNamespace(port=0, refused=None)
    monkeypatch.setattr(client, "gate", SimpleNamespace(open=lambda *_: nullcontext(no_door)))
    monkeypatch.setattr(client, "_PROXY_NAMES", ())
    with Canary() as canary:
        wanted = WAYS[way].wanted(site.base, canary.url(""))
        end_of(wanted, tmp_path, lambda: canary.hits > 0)
        assert canary.hits > 0


@pytest.mark.parametrize("part", ["segment", "key", "map"])
def test_ffmpeg_takes_no_other_way_out_than_its_proxy(site: VideoSite, tmp_path: Path, part: str) -> None:
    """Its `httpproxy` would dial whatever a playlist names, and begins with http."""
    at = urlsplit(site.base)
    with Canary() as canary:
        inside = quote(f"httpproxy://127.0.0.1:{canary.port}/seg.ts", safe="")
        wanted = Wanted(site.url(f"/hls/custom.m3u8?{part}={inside}&method=SAMPLE-AES"))
        ended = end_of(wanted, tmp_path, allowed=frozenset({(str(at.hostname), at.port or 80)}))
        assert ended not in ("Fetched", "Endless")
        assert canary.connections == 0


def test_a_broadcast_over_https_is_fetched_inside_the_fence_only(site: VideoSite, tmp_path: Path) -> None:
    with SecureVideoSite(tmp_path) as secure:
        reachable = [urlsplit(each.base) for each in (site, secure)]
        allowed = frozenset((str(at.hostname), at.port or 443) for at in reachable)
        segment = quote(secure.url("/hls/segment01.ts"), safe="")
        url = site.url(f"/hls/custom.m3u8?live=1&segment={segment}")
        ended = end_of(Wanted(url, live=True), tmp_path, lambda: size(tmp_path / "1") > ENOUGH, allowed)
        assert ended == ("Enough" if fence.possible() else "download_failed")
        assert bool(secure.requests) == fence.possible()
