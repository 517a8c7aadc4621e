"""What a followed job, a list and a single job look like on a terminal, in a log and for a program."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import click

from app.cli import words
from app.cli.words import Resource

LONGEST_BAR = 30
SHORTEST_BAR = 8
STEP = 10  # percent between two lines of a log
GAP = "  "


class Display(Protocol):
    """Shows a job as it goes on."""

    def update(self, job: Resource) -> None:
        """The job as it stands now, changed or not."""

    def end(self, job: Resource) -> None:
        """The job's last state."""


def display(as_json: bool) -> Display:
    """What suits standard output: JSON if asked for, a bar in a terminal, otherwise lines."""
    if as_json:
        return JsonLines()
    return Bar() if sys.stdout.isatty() else Lines()


class Bar:
    """One line that is drawn again and again."""

    def __init__(self) -> None:
        self._drawn = 0

    def update(self, job: Resource) -> None:
        """Draw over the line."""
        line = bar_line(job, width=shutil.get_terminal_size().columns - 1, blocks=_shows_blocks())
        click.echo("\r" + line.ljust(self._drawn), nl=False)
        self._drawn = len(line)

    def end(self, job: Resource) -> None:
        """Leave how it ended in place of the bar."""
        if self._drawn:
            click.echo("\r" + " " * self._drawn + "\r", nl=False)
        click.echo(verdict(job))


class Lines:
    """A line for each change of state or stage and for each tenth; for logs and pipes."""

    def __init__(self) -> None:
        self._last: tuple[object, ...] = ()

    def update(self, job: Resource) -> None:
        """Print a line if there is something new to say."""
        percent = words.percent_of(job)
        step = None if percent is None else percent // STEP
        waiting = (job["waiting"] or {}).get("reason")
        key = (job["state"], job["attempt"], job["progress"]["stage"], waiting, step)
        if key != self._last:
            click.echo(GAP.join([f"job {job['id']}", *_parts(job)]))
        self._last = key

    def end(self, job: Resource) -> None:
        """Print how it ended."""
        click.echo(verdict(job))


class JsonLines:
    """The job resource, one a line, for each revision."""

    def __init__(self) -> None:
        self._revision = -1

    def update(self, job: Resource) -> None:
        """Print the job if it has changed."""
        if job["revision"] != self._revision:
            print_json(job)
        self._revision = job["revision"]

    end = update


def print_json(resource: Resource) -> None:
    """One object on one line."""
    click.echo(json.dumps(resource, ensure_ascii=False))


def _parts(job: Resource) -> list[str]:
    """What there is to say about a job that has not ended, the most important first."""
    percent = words.percent_of(job)
    shown = "" if percent is None or job["state"] == "succeeded" else f"{percent} %"
    if job["state"] != "running":
        return list(filter(None, (job["state"], shown, words.waiting_for(job))))
    progress = job["progress"]
    facts = [words.amount(progress), words.speed(progress), words.time_left(progress), words.doing(job)]
    split = words.entries(job)
    again = f"attempt {job['attempt']}" if job["attempt"] > 1 else ""
    return list(filter(None, ("running", shown, *([split] if split else facts), again)))


def bar_line(job: Resource, width: int, blocks: bool = True) -> str:
    """Kind, percent, bar and whatever else fits into `width` columns."""
    percent = words.percent_of(job)
    if job["state"] != "running" or percent is None:
        return _fit(GAP.join([job["kind"], *_parts(job)]), width)
    rest = _parts(job)[2:]
    head = f"{job['kind']}{GAP}{percent:3} %"
    while rest and len(GAP.join([head, *rest])) + len(GAP) + SHORTEST_BAR > width:
        rest.pop()
    room = width - len(GAP.join([head, *rest])) - len(GAP)
    if room < SHORTEST_BAR:
        return _fit(head, width)
    length = min(room, max(SHORTEST_BAR, min(width // 6, LONGEST_BAR)))  # steady while facts come and go
    full = length * percent // 100
    bar = "█" * full + "░" * (length - full) if blocks else "#" * full + "." * (length - full)
    return GAP.join([head, bar, *rest])


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _shows_blocks() -> bool:
    try:
        "█░…".encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def verdict(job: Resource) -> str:
    """How a job ended, and what came out of it."""
    lines = [f"job {job['id']} {job['state']}{_took(job)}"]
    if job["state"] == "succeeded" and job["result"]:
        lines += words.outline(job["result"], 1)
    elif split := words.entries(job):
        lines.append(f"  {split}")
    if job["state"] == "failed" and job["error"]:
        error = job["error"]
        lines += [f"  {words.clean(text)}" for text in (error["message"], error["advice"]) if text]
        lines.append(f"  ({error['code']}, failed tries: {job['failures']} of at most {job['max_attempts']})")
    return "\n".join(lines)


def _took(job: Resource) -> str:
    if not job["started_at"] or not job["finished_at"]:
        return ""
    seconds = (words.moment(job["finished_at"]) - words.moment(job["started_at"])).total_seconds()
    return f" in {seconds:.1f} s" if seconds < 10 else f" in {words.duration(seconds)}"


def job_table(jobs: Iterable[Resource]) -> str:
    """Jobs as aligned columns; a terminal's width is kept to."""
    rows = [("ID", "KIND", "STATE", "DONE", "OWNER", "CREATED", "ABOUT")]
    for job in jobs:
        percent = words.percent_of(job) if job["state"] in ("running", "paused") else None
        owner = job["owner"]["name"] if job["owner"] else "-"
        created = words.local_time(job["created_at"])
        shown = "" if percent is None else f"{percent} %"
        rows.append((job["id"], job["kind"], job["state"], shown, words.clean(owner), created, _about(job)))
    return table(rows)


def _about(job: Resource) -> str:
    why = ""
    if job["state"] == "failed" and job["error"]:
        why = words.clean(job["error"]["message"])
    elif job["state"] in ("queued", "scheduled"):
        why = words.waiting_for(job)
    return GAP.join(filter(None, (words.subject(job), why)))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows with aligned columns; the last one is cut where a terminal ends."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    if sys.stdout.isatty():
        lines = [_fit(line, shutil.get_terminal_size().columns) for line in lines]
    return "\n".join(lines)


def one_job(job: Resource, now: datetime | None = None) -> str:
    """Everything about one job."""
    owner = job["owner"]["name"] if job["owner"] else "the system"
    facts = [
        ("job", job["id"]),
        ("kind", job["kind"]),
        ("state", GAP.join(_parts(job))),
        ("owner", words.clean(owner)),
        ("priority", str(job["priority"])),
        ("attempts", f"{job['attempt']} ({job['failures']} of at most {job['max_attempts']} failed)"),
        ("created", words.local_time(job["created_at"])),
        ("scheduled", words.local_time(job["scheduled_at"])),
        ("started", words.local_time(job["started_at"])),
        ("finished", words.local_time(job["finished_at"])),
    ]
    lines = [f"{name:<10}{text}" for name, text in facts if text]
    if job["error"]:
        said = GAP.join(filter(None, (job["error"]["message"], job["error"]["advice"])))
        lines.append(f"{'error':<10}{words.clean(said)} ({job['error']['code']})")
    for name in ("params", "result"):
        if job[name]:
            lines += [name, *words.outline(job[name], 1)]
    return "\n".join(lines)


def event_table(events: Iterable[Resource]) -> str:
    """A job's history."""
    rows = [("WHEN", "EVENT", "STATE", "ATTEMPT", "DETAIL")]
    for event in events:
        detail = "; ".join(words.outline(event["detail"])) if event["detail"] else ""
        rows.append(
            (words.local_time(event["at"]), event["event"], event["state"], str(event["attempt"]), detail)
        )
    return table(rows)
