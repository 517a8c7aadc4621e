"""What is sent: prebuilt websocket frames, each made once for all who get it (RFC 6455, section 5.2)."""

import struct
from collections.abc import Mapping
from typing import Any

from app.feed.ring import Cursor, spell
from config.json_text import write_json

PING = b"\x89\x00"
TEXT = 0x81
CLOSE = 0x88

_NOTHING: Mapping[str, Any] = {}


def text_frame(text: str) -> bytes:
    """An unmasked text frame in one piece."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", TEXT, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is short ASCII."""
    payload = struct.pack("!H", code) + reason.encode()
    return struct.pack("!BB", CLOSE, len(payload)) + payload


def message(name: str, cursor: Cursor | None = None, members: Mapping[str, Any] = _NOTHING) -> bytes:
    """The frame of one message of the contract: type, cursor, the rest."""
    head = {"type": name} if cursor is None else {"type": name, "cursor": spell(cursor)}
    return text_frame(write_json({**head, **members}))


PONG = message("pong")
