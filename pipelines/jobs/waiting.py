"""Say of queued jobs why they do not run: a paused queue, a full disk, a limit. The first of each queue are looked at.

What stands further back waits for its turn, and is told when it comes near.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from config.database import Row, query
from config.json_text import read_json, write_json
from pipelines.errors import WaitReason
from pipelines.jobs import state
from pipelines.kind import Kind, Limits, limits_of
from pipelines.models import queue

LOOKED_AT = 100  # jobs a queue


def explain(kinds: Mapping[str, Kind]) -> None:
    """Bring `waiting` of the first queued jobs up to date, where a queue has a limit or once had one."""
    settings = queue.settings()
    limits = {kind.queue: limits_of(kind.queue, kinds.values()) for kind in kinds.values()}
    held = {kind.queue: why for kind in kinds.values() if (why := kind.held()) is not None}
    for name in settings.keys() | held.keys() | {name for name, each in limits.items() if each != Limits()}:
        _explain(name, settings.get(name, queue.OPEN), limits.get(name, Limits()), held.get(name))


def _explain(name: str, setting: Row, limits: Limits, held: tuple[WaitReason, str] | None) -> None:
    first = query(
        "SELECT id, owner_id, host, waiting FROM job WHERE queue = %s AND state = 'queued'"
        " ORDER BY priority DESC, rescued DESC, turn, id LIMIT %s",
        *(name, LOOKED_AT),
    )
    if not first:
        return
    judge = _Judge(name, setting, limits, held)
    changed: dict[str | None, list[int]] = defaultdict(list)
    for row in first:
        reason = judge.reason(row)
        text = None if reason is None else write_json(reason)
        if text != row["waiting"]:
            changed[text].append(row["id"])
    for text, ids in changed.items():
        marks = ", ".join(["%s"] * len(ids))
        state.changed(
            f"UPDATE job SET waiting = %s, revision = revision + 1 WHERE id IN ({marks}) AND state = 'queued'",
            *(text, *ids),
            event="waiting",
            detail={"waiting": None if text is None else read_json(text)},
        )


class _Judge:
    """Knows what runs in a queue and what it allows."""

    def __init__(self, name: str, setting: Row, limits: Limits, held: tuple[WaitReason, str] | None) -> None:
        running = query(
            "SELECT owner_id, host FROM job WHERE queue = %s AND state = 'running' AND worker_id IS NOT NULL",
            name,
        )
        self._paused, self._most = bool(setting["paused"]), setting["max_running"]
        self._limits, self._held, self._running = limits, held, len(running)
        self._of_owner = Counter(row["owner_id"] for row in running)
        self._at_host = Counter(row["host"] for row in running if row["host"])

    def reason(self, row: Row) -> dict[str, Any] | None:
        """Why this job cannot run now; None: it only waits for its turn."""
        per_user, per_host = self._limits.per_user, self._limits.per_host
        if self._paused:
            return _reason("queue_paused", "An admin has paused this queue.")
        if self._held is not None:
            return _reason(*self._held)
        if self._most is not None and self._running >= self._most:
            return _reason("limit", f"This queue runs {self._most} at a time.")
        if per_user is not None and self._of_owner[row["owner_id"]] >= per_user:
            return _reason("limit", f"{per_user} of the same person run at a time.")
        if per_host is not None and self._at_host[row["host"]] >= per_host:
            return _reason("host", f"{per_host} from {row['host']} run at a time.")
        return None


def _reason(reason: WaitReason, message: str) -> dict[str, Any]:
    return {"reason": reason, "message": message, "until": None}
