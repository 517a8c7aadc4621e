"""The download process is held to its proxy: an audit hook refuses every other way to the network.

It sees what Python does, whatever library asks for it, and cannot be taken out again. What other programs do it
cannot see, so only known ones run, and those that are given a web address only with the proxy in
their environment.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

_LOOPBACK = "127.0.0.1"
_URL = re.compile(r"[a-z][a-z0-9+.,-]*://", re.IGNORECASE)
_WEB = ("http://", "https://")
# What ffmpeg would open without a second thought, by how an input begins.
_PROTOCOL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*[:,]", re.IGNORECASE)

Rule = Callable[..., None]


class Blocked(OSError):
    """The download process tried what it may not."""


def web_input(fenced: bool) -> list[str]:
    """What has to stand before `-i` and a web address: a description that came from there (SDP) would otherwise
    make ffmpeg listen on ports of this machine and send to any address.

    With `httpproxy` ffmpeg fetches https through a proxy. A playlist could name any address with it, so it is only
    for those inside the kernel's fence.
    """
    return ["-protocol_whitelist", "http,https,tls,tcp,crypto,data" + (",httpproxy" if fenced else "")]


def install(proxy_port: int, programs: Iterable[str], fenced: bool) -> None:
    """From here on: TCP connections to the proxy and nothing else, and no program but `programs`."""
    guard = _Guard(proxy_port, frozenset(programs), web_input(fenced))
    rules: dict[str, Rule] = {
        "socket.connect": guard.connect,
        "socket.sendto": guard.send,
        "socket.sendmsg": guard.send,
        "socket.bind": guard.bind,
        "socket.getaddrinfo": guard.look_up,
        "socket.gethostbyname": guard.look_up,
        "socket.gethostbyaddr": guard.look_up,
        "socket.getnameinfo": guard.name_of,
        "subprocess.Popen": guard.popen,
        "os.posix_spawn": guard.spawn,
        "os.exec": guard.spawn,
        "os.system": guard.system,
        "pty.spawn": guard.system,
    }

    def hook(event: str, args: tuple[Any, ...]) -> None:
        rule = rules.get(event)
        if rule is not None:
            rule(*args)

    sys.addaudithook(hook)


class _Guard:
    def __init__(self, proxy_port: int, programs: frozenset[str], web_input: list[str]) -> None:
        self._proxy = (_LOOPBACK, proxy_port)
        self._proxy_url = f"http://{_LOOPBACK}:{proxy_port}"
        self._programs = programs
        self._web_input = web_input
        self._names = frozenset(os.path.basename(program) for program in programs)

    def connect(self, _: object, address: object) -> None:
        if address != self._proxy:
            _refuse("connections go to the proxy only", address)

    def send(self, _: object, address: object) -> None:
        if address:
            _refuse("nothing is sent but over a connection", address)

    def bind(self, _: object, address: object) -> None:
        _refuse("nothing listens here", address)

    def look_up(self, host: object, *_: object) -> None:
        if host not in (_LOOPBACK, _LOOPBACK.encode()):
            _refuse("names are resolved by the proxy only", host)

    def name_of(self, address: Sequence[object]) -> None:
        self.look_up(address[0])

    def popen(self, executable: Any, args: Any, _: object, env: Mapping[Any, Any] | None) -> None:
        self.spawn(executable, args, env)

    def spawn(self, executable: Any, args: Any, env: Mapping[Any, Any] | None) -> None:
        program = os.fsdecode(executable)
        if program not in (self._names if "/" not in program else self._programs):
            _refuse("no program runs here but those for media and scripts", program)
        words = [os.fsdecode(word) for word in ([args] if isinstance(args, str | bytes) else args)]
        for place, word in enumerate(words):
            self._judge_word(word, words[max(0, place - 3) : place])
        if any("://" in word for word in words) and not self._through_proxy(env):
            _refuse("a program with a web address needs the proxy in its environment", program)

    def system(self, command: object, *_: object) -> None:
        _refuse("no shell runs here", command)

    def _judge_word(self, word: str, before: list[str]) -> None:
        """An argument of a program, with the three before it."""
        is_input, is_web = before[-1:] == ["-i"], word.lower().startswith(_WEB)
        if not is_web and (_URL.match(word) or (is_input and _PROTOCOL.match(word))):
            _refuse("programs fetch by http and https only", word.partition(":")[0])
        if is_input and is_web and before[:2] != self._web_input:
            _refuse("what a web address leads to must be on the web too", " ".join(self._web_input))

    def _through_proxy(self, env: Mapping[Any, Any] | None) -> bool:
        """Whether the environment, given in full, sends all http and https through the proxy."""
        given = {os.fsdecode(name).lower(): os.fsdecode(value) for name, value in (env or {}).items()}
        return given.get("http_proxy", "").rstrip("/") == self._proxy_url and not given.get("no_proxy")


def _refuse(rule: str, what: object) -> NoReturn:
    raise Blocked(f"blocked: {rule} ({what!r})")
