"""A host that refused us is left alone by everybody for a while; others go on.

Its own wish (Retry-After) is kept, else the pause doubles with each refusal in a row. Without a refusal nobody is slowed
down; after one, downloads from that host begin at intervals that no two share.
"""

import random
from urllib.parse import urlsplit

from pipelines.errors import JobError, Snooze, TryAgain
from pipelines.kind import Context
from pipelines.models import host as hosts

CODES = frozenset({"rate_limited", "bot_check"})
FIRST_PAUSE = 60.0  # seconds
LONGEST_PAUSE = 3600.0
PACE = (1.0, 5.0)  # seconds


def host_of(url: str) -> str:
    """The host that limits and pauses count by; empty for an address that names none."""
    try:
        return _plain(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _plain(name: str) -> str:
    host = name.encode("idna").decode()
    return host.rstrip(".").removeprefix("www.") if host.isprintable() else ""


def wait_for(host: str, context: Context) -> None:
    """Raise Snooze while the host wants to be left alone; go slowly if it did lately."""
    lately = hosts.lately(host)
    if lately is None:
        return
    if lately["remaining"] > 0:
        raise Snooze("host", lately["message"], lately["remaining"] + random.uniform(0.0, PACE[1]))
    context.wait(random.uniform(*PACE))


def note(asked: str, error: JobError) -> None:
    """Remember a refusal by the host that was asked, or by another that it led to: whoever asks either of them would
    only hear the same. The job that met it waits as long as all others."""
    if error.code not in CODES or not isinstance(error, TryAgain):
        return
    refusing = {asked, host_of(f"//{error.host}")} - {""}
    refusals = max((lately["refusals"] for name in refusing if (lately := hosts.lately(name))), default=0)
    pause = random.uniform(0.75, 1.0) * min(FIRST_PAUSE * 2**refusals, LONGEST_PAUSE)
    error.after = pause if error.after is None else error.after
    for name in sorted(refusing):
        hosts.refuse(name, f"{name} asks us to slow down.", error.after)


def forgive(host: str) -> None:
    """The host has served us."""
    if hosts.lately(host) is not None:
        hosts.forgive(host)
