"""Numbers, times and a job's state in words, for a terminal."""

from datetime import UTC, datetime
from typing import Any

Resource = dict[str, Any]

_BYTE_UNITS = ("B", "kB", "MB", "GB", "TB")


def clean(text: object) -> str:
    """One line without control characters: a title from elsewhere must not steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))


def size(count: float) -> str:
    """1234567 → "1.2 MB" (decimal units, as disks have them)."""
    power = 0
    while count >= 999.5 and power < len(_BYTE_UNITS) - 1:
        count /= 1000
        power += 1
    return (
        f"{count:.1f} {_BYTE_UNITS[power]}"
        if power and count < 99.95
        else f"{count:.0f} {_BYTE_UNITS[power]}"
    )


def duration(seconds: float) -> str:
    """75 → "1 min 15 s", 4000 → "1 h 06 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86400:
        return f"{whole // 3600} h {whole // 60 % 60:02} min"
    return f"{whole // 86400} d {whole // 3600 % 24} h"


def moment(text: str) -> datetime:
    """An RFC 3339 time."""
    return datetime.fromisoformat(text)


def local_time(text: str | None) -> str:
    """An RFC 3339 time as this machine's clock shows it."""
    return "" if text is None else f"{moment(text).astimezone():%Y-%m-%d %H:%M:%S}"


def stamp(seconds: float) -> str:
    """Seconds since 1970 as this machine's clock shows it."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}"


def seconds_until(text: str, now: datetime | None = None) -> float:
    """How long until an RFC 3339 time; not below zero."""
    return max(0.0, (moment(text) - (now or datetime.now(UTC))).total_seconds())


def percent_of(job: Resource) -> int | None:
    """Whole percents, rounded down, so that 100 is the end."""
    percent = job["progress"]["percent"]
    return None if percent is None else int(percent)


def amount(progress: Resource) -> str:
    """How much is done: "5.2 MB of 26 MB", "3 of 10 files"."""
    done, total, unit = progress["done"], progress["total"], progress["unit"]
    if done is None:
        return ""
    if unit == "bytes":
        return size(done) if total is None else f"{size(done)} of {size(total)}"
    known = str(done) if total is None else f"{done} of {total}"
    return f"{known} {clean(unit)}" if unit else known


def entries(job: Resource) -> str:
    """How the parts of a job that split are: "1 of 3 entries done, 1 failed"; empty for any other job."""
    counts = (job["result"] or {}).get("counts")
    if not counts:
        return ""
    others = [f"{counts[state]} {state}" for state in ("failed", "cancelled") if counts[state]]
    return ", ".join([f"{counts['succeeded']} of {counts['total']} entries done", *others])


def speed(progress: Resource) -> str:
    """ "2.1 MB/s" or "4 files/s"; empty while unknown."""
    rate = progress["rate"]
    if rate is None:
        return ""
    return f"{size(rate)}/s" if progress["unit"] == "bytes" else f"{rate:g} {clean(progress['unit'] or '')}/s"


def time_left(progress: Resource) -> str:
    """ "7 s left"; empty while unknown."""
    return "" if progress["eta_seconds"] is None else f"{duration(progress['eta_seconds'])} left"


def waiting_for(job: Resource) -> str:
    """Why the job does not run and how long that takes, if it says so; the failed try behind it first."""
    waiting, error = job["waiting"], job["error"]
    parts = [error["message"]] if error else []
    if waiting:
        parts += [waiting["message"]] if waiting["message"] else [f"waits: {waiting['reason']}"]
    until = (waiting or {}).get("until") or (job["scheduled_at"] if job["state"] == "scheduled" else None)
    if until:
        parts.append(f"{'again ' if error else ''}in {duration(seconds_until(until))}")
    return clean(", ".join(dict.fromkeys(part.rstrip(".") for part in parts)))


def doing(job: Resource) -> str:
    """What a running job is at: its stage and message."""
    progress = job["progress"]
    return clean(": ".join(filter(None, (progress["stage"], progress["message"]))))


def subject(job: Resource) -> str:
    """What the job is about: the values of its parameters, the first being the most telling one."""
    values = [value for value in job["params"].values() if isinstance(value, str) and value]
    return clean(values[0]) if values else ""


def outline(value: Any, depth: int = 0) -> list[str]:
    """A result or parameters as indented lines, whatever they hold."""
    if isinstance(value, dict):
        return [line for key, member in value.items() for line in _member(str(key), member, depth)]
    return [line for item in value for line in _member("-", item, depth)]


def _member(name: str, value: Any, depth: int) -> list[str]:
    label = "  " * depth + (name if name == "-" else f"{clean(name)}:")
    if not isinstance(value, dict | list):
        return [f"{label} {_scalar(name, value)}"]
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    if all(not isinstance(member, dict | list) for _, member in inner):
        return [f"{label} {_row(value)}"]
    return [label, *outline(value, depth + 1)]


def _row(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{clean(key)} {_scalar(str(key), member)}" for key, member in value.items())
    return ", ".join(clean(member) for member in value)


def _scalar(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return size(value) if name == "bytes" else clean(value)
