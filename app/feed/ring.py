"""What the hub remembers: the newest events, and what to replay to someone who comes back with a cursor.

Pure, so that every case of "known, too old, from the future" can be tested without sockets.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

RING_SIZE = 5000

Cursor = tuple[int, int]
ZERO: Cursor = (0, 0)

_CURSOR = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")


def read_cursor(text: str) -> Cursor | None:
    """The cursor that `text` spells, None if it spells none."""
    match = _CURSOR.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def spell(cursor: Cursor) -> str:
    return f"{cursor[0]}-{cursor[1]}"


@dataclass(frozen=True)
class Viewer:
    """Who is connected; `key` names the session or token that is checked again and again.

    `user_id` 0 is the system itself, whose own events only admins see.
    """

    user_id: int
    admin: bool
    session: str | None
    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: for `owner` ("*": everybody), and for all admins too if `admins`.

    Entries with one `key` follow each other: only the newest counts. `revision` 0 means none.
    """

    cursor: Cursor
    owner: str
    admins: bool
    key: str
    revision: int
    frame: bytes

    def visible_to(self, viewer: Viewer) -> bool:
        if self.owner == "*" or (self.admins and viewer.admin):
            return True
        return self.owner == str(viewer.user_id) and (viewer.user_id != 0 or viewer.admin)


class Ring:
    """The newest entries in order. Everything after `floor` is in it, up to `newest`."""

    def __init__(self, *, size: int = RING_SIZE, floor: Cursor = ZERO) -> None:
        self._size = size
        self._entries: deque[Entry] = deque()
        self._newest_of: dict[str, Entry] = {}
        self.floor = floor
        self.newest = floor

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> bool:
        """Remember the entry; False if it is older than what was already shown of its key."""
        if entry.cursor <= self.newest:
            return False
        self.newest = entry.cursor
        before = self._newest_of.get(entry.key)
        if before is not None and 0 < entry.revision < before.revision:
            return False
        self._entries.append(entry)
        self._newest_of[entry.key] = entry
        if len(self._entries) > self._size:
            self._forget_oldest()
        return True

    def cut(self, cursor: Cursor) -> None:
        """Events were lost up to here: no older cursor is known any more."""
        self._entries.clear()
        self._newest_of.clear()
        self.newest = self.floor = max(cursor, self.newest)

    def pass_over(self, cursor: Cursor) -> None:
        """An entry that nobody can read stood here."""
        self.newest = max(cursor, self.newest)

    def knows(self, since: Cursor) -> bool:
        """Whether all that came after `since` is here."""
        return self.floor <= since <= self.newest

    def replay(self, since: Cursor, viewer: Viewer) -> list[Entry]:
        """The newest entry of each key after `since` that this viewer may see, oldest first."""
        newest: dict[str, Entry] = {}
        for entry in self._after(since):
            if entry.key not in newest and entry.visible_to(viewer):
                newest[entry.key] = entry
        return list(newest.values())[::-1]

    def _after(self, since: Cursor) -> Iterable[Entry]:
        for entry in reversed(self._entries):
            if entry.cursor <= since:
                return
            yield entry

    def _forget_oldest(self) -> None:
        oldest = self._entries.popleft()
        self.floor = oldest.cursor
        if self._newest_of[oldest.key] is oldest:
            del self._newest_of[oldest.key]
