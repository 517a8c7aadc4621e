"""Commands about jobs; they ask the server over REST."""

import sys
from collections.abc import Callable

import click

from app.cli import client, show, values
from app.cli.client import Resource, Server
from app.cli.failure import FAILED, WrongUse
from app.cli.follow import ENDED, Follower

MOST_EVENTS = 1000
INTERRUPTED = 130  # what a shell says for Ctrl-C

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
follow = click.option("--follow", is_flag=True, help="Stay until the job has ended; 0 only if it succeeded.")


@click.command(short_help="Submit a job.")
@click.argument("kind")
@click.argument("params", nargs=-1, metavar="[NAME=VALUE]…")
@click.option("--priority", type=click.IntRange(0, 9), help="9 goes first; 4 unless given, more for admins.")
@click.option(
    "--at", "at", metavar="TIME", help="Not before: +30m, 2026-11-20T12:00:00Z or '2026-11-20 12:00'."
)
@click.option("--key", metavar="KEY", help="Idempotency key: the same key is the same job for a day.")
@follow
@as_json
def submit(
    kind: str,
    params: tuple[str, ...],
    priority: int | None,
    at: str | None,
    key: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Submit a job of a KIND, as in: medianest submit download url=https://… --follow

    Lists are written with commas. `medianest submit KIND` without what it needs says what that is.
    """
    server = client.connect()
    body: Resource = {"kind": kind, "params": _typed(server, kind, params)}
    if priority is not None:
        body["priority"] = priority
    if at is not None:
        body["scheduled_at"] = _time(at)
    job = server.post("/jobs", body, key)
    if follow:
        _exit_as(_watch(server, job, as_json))
    elif as_json:
        show.print_json(job)
    else:
        hint = "" if job["state"] in ENDED else f"; follow it with: medianest job {job['id']} --follow"
        click.echo(f"job {job['id']} {job['state']}{hint}")


def _typed(server: Server, name: str, params: tuple[str, ...]) -> Resource:
    kinds = {kind["name"]: kind for kind in server.get("/kinds")["items"]}
    if name not in kinds:
        raise WrongUse(f"there is no kind {name!r}; there are: {', '.join(sorted(kinds))}")
    try:
        return values.read_params(params, kinds[name]["params"])
    except values.WrongValue as error:
        raise WrongUse(f"{name}: {error}") from None


def _time(text: str) -> str:
    try:
        return values.read_time(text)
    except ValueError as error:
        raise WrongUse(f"--at: {error}") from None


@click.command(short_help="List jobs.")
@click.option("--state", help="Only jobs in this state.")
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--owner", help="Only jobs of the user with this id, of `me`, or of `none` (the system).")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@as_json
def jobs(state: str | None, kind: str | None, owner: str | None, limit: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    found = client.connect().pages("/jobs", limit, state=state, kind=kind, owner=owner)
    if as_json:
        for each in found:
            show.print_json(each)
        return
    listed = list(found)
    if listed:
        click.echo(show.job_table(listed))
    else:
        client.say("no such jobs")


@click.command(short_help="Show or follow one job.")
@click.argument("id")
@click.option("--events", is_flag=True, help="Also what happened to it.")
@follow
@as_json
def job(id: str, events: bool, follow: bool, as_json: bool) -> None:
    """Show or follow one job."""
    server = client.connect()
    found = server.get(f"/jobs/{_id(id)}")
    if follow:
        found = _watch(server, found, as_json)
    elif as_json:
        show.print_json(found)
    else:
        click.echo(show.one_job(found))
    if events:
        happened = server.pages(f"/jobs/{_id(id)}/events", MOST_EVENTS)
        if as_json:
            for event in happened:
                show.print_json(event)
        else:
            click.echo("\n" + show.event_table(happened))
    if follow:
        _exit_as(found)


def _id(text: str) -> str:
    """A job's id, as part of an address."""
    if not text.isalnum():
        raise WrongUse(f"{text!r} is no job id")
    return text


def _act(action: str) -> Callable[..., None]:
    def act(id: str, as_json: bool) -> None:
        found = client.connect().post(f"/jobs/{_id(id)}/{action}")
        if as_json:
            show.print_json(found)
        else:
            click.echo(f"job {found['id']} {found['state']}{_asked(action, found)}")

    return act


def _asked(action: str, found: Resource) -> str:
    """A running job stops at its next step, so its state is still the old one."""
    return f", {action} asked for" if found["state"] == "running" else ""


def _action(name: str, text: str) -> click.Command:
    return click.command(name, help=text, short_help=text)(click.argument("id")(as_json(_act(name))))


cancel = _action("cancel", "Cancel a job.")
pause = _action("pause", "Pause a job; what is done so far is kept.")
resume = _action("resume", "Let a paused job go on.")
retry = _action("retry", "Run a failed or cancelled job again.")


def _watch(server: Server, job: Resource, as_json: bool) -> Resource:
    """Show the job until it has ended; its last state."""
    shown = show.display(as_json)
    follower = Follower(server, job)
    try:
        for state in follower.states():
            if state["state"] not in ENDED:
                shown.update(state)
    except KeyboardInterrupt:
        if sys.stdout.isatty():
            click.echo()
        client.say(f"the job goes on; follow it again with: medianest job {job['id']} --follow")
        sys.exit(INTERRUPTED)
    shown.end(follower.job)
    return follower.job


def _exit_as(job: Resource) -> None:
    if job["state"] != "succeeded":
        sys.exit(FAILED)
