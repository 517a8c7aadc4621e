"""A DNS server on this machine that says what a test wants, also something else the next time (rebinding)."""

import asyncio
import socket
import struct
import threading
from ipaddress import IPv4Address, ip_address
from types import TracebackType
from typing import Self

A, AAAA = 1, 28
_NO_SUCH_NAME = 3


class DnsServer:
    """`names` gives for each name the answers one after the other, of which the last one stays.

    A rebinding name is `{"two.test": [["93.184.215.14"], ["127.0.0.1"]]}`: each question takes the next
    one, those for A and those for AAAA separately.
    """

    def __init__(self, names: dict[str, list[list[str]]] | None = None) -> None:
        self.names = names or {}
        self.asked: list[tuple[str, int]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    async def resolve(self, host: str, port: int) -> list[str]:
        """Ask over the network as a program would: A and then AAAA."""
        return [
            *await asyncio.to_thread(ask, self.port, host, A),
            *await asyncio.to_thread(ask, self.port, host, AAAA),
        ]

    def _serve(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(4096)
            if not packet:
                return
            self._socket.sendto(self._answer(packet), client)

    def _answer(self, packet: bytes) -> bytes:
        name, end = _name(packet, 12)
        (kind,) = struct.unpack_from("!H", packet, end)
        question = packet[12 : end + 4]
        if name not in self.names:
            return packet[:2] + struct.pack("!HHHHH", 0x8180 | _NO_SUCH_NAME, 1, 0, 0, 0) + question
        found = [ip_address(one) for one in self._now(name, kind)]
        wanted = [one.packed for one in found if isinstance(one, IPv4Address) == (kind == A)]
        # 0xC00C points to the name in the question; nothing may be kept for longer than no time.
        records = b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(one)) + one for one in wanted)
        return packet[:2] + struct.pack("!HHHHH", 0x8180, 1, len(wanted), 0, 0) + question + records

    def _now(self, name: str, kind: int) -> list[str]:
        answers = self.names[name]
        turn = min(self.asked.count((name, kind)), len(answers) - 1)
        self.asked.append((name, kind))
        return answers[turn]


def ask(port: int, host: str, kind: int) -> list[str]:
    """One question to the server on that port of this machine. OSError if there is no such name."""
    labels = b"".join(bytes([len(label)]) + label for label in host.encode("idna").split(b"."))
    question = labels + b"\0" + struct.pack("!HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", port))
        client.send(struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + question)
        packet = client.recv(4096)
    (flags, _, count) = struct.unpack_from("!HHH", packet, 2)
    if flags & 0xF:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")
    at, found = 12 + len(question), []
    for _ in range(count):
        (length,) = struct.unpack_from("!H", packet, at + 10)
        found.append(str(ip_address(packet[at + 12 : at + 12 + length])))
        at += 12 + length
    return found


def _name(packet: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := packet[at]:
        labels.append(packet[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1
