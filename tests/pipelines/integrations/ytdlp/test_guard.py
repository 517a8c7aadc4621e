"""The audit hook of the download process, each time in a process of its own, since it cannot be taken out."""

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.integrations.ytdlp import fence
from tests.standins.canary import Canary
from tests.standins.egress import RunningProxy
from tests.standins.video_site import VideoSite

FFMPEG = shutil.which("ffmpeg") or "/usr/bin/ffmpeg"

Run = Callable[..., str]

_START = """
import asyncio, os, socket, subprocess, sys
from pipelines.integrations.ytdlp import fence, guard
PORT, OTHER, PROGRAM = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
FENCED = sys.argv[5] == "fenced" and fence.put_up(PORT)
PROXY = {"http_proxy": f"http://127.0.0.1:{PORT}"}
guard.install(PORT, [PROGRAM, "/opt/media/ffprobe"], FENCED)
try:
    exec(sys.argv[4])
except guard.Blocked as error:
    print(error)
"""


@pytest.fixture
def guarded(canary: Canary) -> Run:
    """Run a few lines under the guard: what they print, or the rule that stopped them. OTHER is the canary's port."""

    def run(code: str, port: int = 9, program: str = sys.executable, fenced: bool = False) -> str:
        words = [
            str(port),
            str(canary.port),
            program,
            textwrap.dedent(code),
            "fenced" if fenced else "open",
        ]
        command = [sys.executable, "-c", _START, *words]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return run


@pytest.fixture
def canary() -> object:
    with Canary() as listening:
        yield listening


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("socket.create_connection(('127.0.0.1', OTHER))", "connections go to the proxy only"),
        ("socket.socket().connect(('127.0.0.2', PORT))", "connections go to the proxy only"),
        ("socket.socket().connect_ex(('10.0.0.1', 80))", "connections go to the proxy only"),
        ("socket.socket(socket.AF_INET6).connect(('::1', PORT))", "connections go to the proxy only"),
        ("socket.socket(socket.AF_UNIX).connect('/tmp/any.sock')", "connections go to the proxy only"),
        ("socket.socket(type=socket.SOCK_DGRAM).connect(('8.8.8.8', 53))", "connections go to the proxy only"),
        ("asyncio.run(asyncio.open_connection('127.0.0.1', OTHER))", "connections go to the proxy only"),
        (
            "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
            "nothing is sent but over a connection",
        ),
        (
            "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('127.0.0.1', PORT))",
            "nothing is sent but over a connection",
        ),
        ("socket.socket().bind(('127.0.0.1', 0))", "nothing listens here"),
        ("socket.getaddrinfo('example.com', 80)", "names are resolved by the proxy only"),
        ("socket.getaddrinfo(b'localhost', 80)", "names are resolved by the proxy only"),
        ("socket.create_connection(('localhost', PORT))", "names are resolved by the proxy only"),
        ("socket.gethostbyname('example.com')", "names are resolved by the proxy only"),
        ("socket.gethostbyname_ex('example.com')", "names are resolved by the proxy only"),
        ("socket.gethostbyaddr('10.0.0.1')", "names are resolved by the proxy only"),
        ("socket.getnameinfo(('10.0.0.1', 80), 0)", "names are resolved by the proxy only"),
        ("os.system('true')", "no shell runs here"),
        ("import pty; pty.spawn('true')", "no shell runs here"),
        ("subprocess.run('true', shell=True)", "no program runs here but"),
        ("subprocess.run(['/bin/true'])", "no program runs here but"),
        ("subprocess.run([b'/bin/true'], env=PROXY)", "no program runs here but"),
        ("subprocess.run(['true'])", "no program runs here but"),
        ("subprocess.run(['/tmp/ffprobe'])", "no program runs here but"),
        ("subprocess.run(['./ffprobe'])", "no program runs here but"),
        ("os.execv('/bin/true', ['true'])", "no program runs here but"),
        ("os.posix_spawn('/bin/true', ['true'], {})", "no program runs here but"),
        ("subprocess.run([PROGRAM, 'http://a/'])", "needs the proxy in its environment"),
        ("subprocess.run([PROGRAM, 'http://a/'], env={})", "needs the proxy in its environment"),
        ("subprocess.run([PROGRAM, '-headers', 'Referer: http://a/'], env={})", "needs the proxy in its environment"),
        ("os.execv(PROGRAM, [PROGRAM, 'http://a/'])", "needs the proxy in its environment"),
        (
            "subprocess.run([PROGRAM, 'http://a/'], env={'http_proxy': f'http://127.0.0.1:{OTHER}'})",
            "needs the proxy in its environment",
        ),
        (
            "subprocess.run([PROGRAM, 'http://a/'], env={**PROXY, 'no_proxy': '*'})",
            "needs the proxy in its environment",
        ),
        ("subprocess.run([PROGRAM, 'rtmp://a/'], env=PROXY)", "by http and https only"),
        ("subprocess.run([PROGRAM, b'TCP://a:80'], env=PROXY)", "by http and https only"),
        ("subprocess.run([PROGRAM, '-i', 'tcp:127.0.0.1:80'], env=PROXY)", "by http and https only"),
        ("subprocess.run([PROGRAM, '-i', 'http://a/'], env=PROXY)", "must be on the web too"),
        ("subprocess.run([PROGRAM, *guard.web_input(FENCED), '-i', 'http://a/', '-i', 'http://b/'], env=PROXY)", "must be on"),
        ("subprocess.run([PROGRAM, *guard.web_input(FENCED), '-i', 'http://a/'], env={})", "needs the proxy in its environment"),
        ("subprocess.run([PROGRAM, '-i', 'concat:a|b'], env=PROXY)", "by http and https only"),
        ("subprocess.run([PROGRAM, '-i', 'subfile,,start,0,end,9,,:http://a/'], env=PROXY)", "by http and https only"),
    ],
)  # fmt: skip
def test_every_other_way_out_is_refused_by_a_rule(guarded: Run, canary: Canary, code: str, rule: str) -> None:
    printed = guarded(code)
    assert printed.startswith("blocked: ") and rule in printed
    assert canary.connections == 0


@pytest.mark.parametrize(
    "code",
    [
        "subprocess.run([PROGRAM, '-c', '1'], check=True)",
        "subprocess.run([os.path.basename(PROGRAM), '-c', '1'], env={'PATH': os.path.dirname(PROGRAM)}, check=True)",
        "subprocess.run([PROGRAM, '-c', '1', 'https://a/'], env=PROXY, check=True)",
        "subprocess.run([PROGRAM, '-c', '1', '-i', 'file:a:b.mp4'], env={}, check=True)",
        "os.posix_spawn(PROGRAM, [PROGRAM, '-c', '1'], {})",
        "one, other = socket.socketpair(); one.sendmsg([b'x'])",
        "asyncio.run(asyncio.sleep(0))",
        "socket.gethostname()",
        "__import__('threading').Thread(target=print).start()",
    ],
)
def test_what_downloads_need_is_let_through(guarded: Run, code: str) -> None:
    assert "blocked" not in guarded(code)


def test_a_connection_to_the_proxy_and_what_it_allows_is_let_through(guarded: Run, canary: Canary) -> None:
    code = """
        import urllib.request
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": PROXY["http_proxy"]}))
        print(opener.open(f"http://127.0.0.1:{OTHER}/").read().decode())
    """
    with RunningProxy(frozenset({("127.0.0.1", canary.port)})) as proxy:
        assert guarded(code, proxy.port) == Canary.SECRET.decode()


def test_the_guard_costs_other_events_next_to_nothing(guarded: Run) -> None:
    code = """
        import time
        def spent():
            start = time.process_time()
            for _ in range(20_000):
                sys.audit("object.__getattr__", 1, 2)
            return time.process_time() - start
        print(min(spent() for _ in range(5)) / 20_000)
    """
    assert float(guarded(code)) < 3e-6


_YTDLP = """
import yt_dlp

def tell(event, args):
    if event == "subprocess.Popen" and any("://" in str(word) for word in args[1]):
        print("a program fetches")

sys.addaudithook(tell)
os.environ.update(PROXY)
options = {
    "proxy": PROXY["http_proxy"], "quiet": True, "noprogress": True, "ffmpeg_location": PROGRAM, "cachedir": False,
    "outtmpl": {"default": FOLDER + "/media.%(ext)s"}, "hls_prefer_native": NATIVE, "fixup": "force",
    "external_downloader": {} if NATIVE else {"m3u8": "ffmpeg", "dash": "ffmpeg"},
    "external_downloader_args": {"ffmpeg_i": guard.web_input(FENCED)},
}
with yt_dlp.YoutubeDL(options) as download:
    download.extract_info(URL)
"""


@pytest.mark.parametrize("native", [True, False], ids=["native", "ffmpeg"])
@pytest.mark.parametrize("path", ["/small.mp4", "/hls/master.m3u8", "/dash/manifest.mpd"])
def test_ordinary_downloads_work_through_the_proxy(
    guarded: Run, tmp_path: Path, path: str, native: bool
) -> None:
    with VideoSite() as site:
        port = int(site.base.rpartition(":")[2])
        with RunningProxy(frozenset({("127.0.0.1", port)})) as proxy:
            names = f"URL, FOLDER, NATIVE = {site.base + path!r}, {str(tmp_path)!r}, {native}\n"
            printed = guarded(names + _YTDLP, proxy.port, FFMPEG)
    assert "blocked" not in printed
    assert ("a program fetches" in printed) == (not native and path != "/small.mp4")
    assert [file.stat().st_size > 100_000 for file in tmp_path.glob("media.*")] == [True]


@pytest.mark.parametrize("fenced", [False, True], ids=["open", "fenced"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_ffmpeg_fetches_is_judged_by_the_proxy(
    guarded: Run, canary: Canary, scheme: str, fenced: bool
) -> None:
    code = f"""
        url = f"{scheme}://127.0.0.1:{{OTHER}}/video.m3u8"
        result = subprocess.run([PROGRAM, *guard.web_input(FENCED), "-i", url, "-f", "null", "-"], env=PROXY, capture_output=True, text=True)
        print(result.returncode, "403" in result.stderr or "Blocked" in result.stderr)
    """
    with RunningProxy() as proxy:
        refused = guarded(code, proxy.port, FFMPEG, fenced)
        assert not refused.startswith("0 ")
        # https takes ffmpeg's httpproxy, which a playlist could abuse: without the fence it does not get that far
        judged = scheme == "http" or (fenced and fence.possible())
        assert refused.endswith(" True") == judged
        assert set(proxy.refused) == ({"127.0.0.1"} if judged else set())
    assert canary.connections == 0


if fence.possible():  # Linux from 6.7 on

    @pytest.mark.parametrize(
        "code",
        [
            "socket.create_connection(('127.0.0.1', OTHER))",
            "socket.create_server(('127.0.0.1', 0))",
            "subprocess.run([PROGRAM, '-c', f'import socket; socket.create_connection((\"127.0.0.1\", {OTHER}))'], check=True)",
            "threading.Thread(target=connect).run()",
        ],
    )
    def test_inside_the_fence_the_kernel_refuses_also_what_the_hook_cannot_see(
        canary: Canary, code: str
    ) -> None:
        """Without the hook at all."""
        lines = f"""
            import socket, subprocess, sys, threading
            from pipelines.integrations.ytdlp import fence
            OTHER, PROGRAM = {canary.port}, sys.executable
            def connect(): socket.create_connection(("127.0.0.1", OTHER))
            with socket.create_server(("127.0.0.1", 0)) as door:
                assert fence.put_up(door.getsockname()[1])
                socket.create_connection(door.getsockname()).close()
            try:
                {code}
            except (PermissionError, subprocess.CalledProcessError) as error:
                print("refused")
        """
        command = [sys.executable, "-c", textwrap.dedent(lines)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "refused\n"
        assert canary.connections == 0
