"""Commands about services; they ask the server over REST. A secret is never an argument: other users could read it."""

import sys
from typing import IO

import click

from app.cli import client, show, words
from app.cli.client import Resource
from app.cli.failure import FAILED, WrongUse
from app.cli.remote import as_json

LONGEST = 4096  # characters of a file with a secret

which = click.argument("name", type=click.Choice(["plex", "overseerr", "uptime_kuma"]))


@click.group(short_help="Say where Plex, Overseerr and Uptime Kuma are, and try it out.")
def service() -> None:
    """Say where Plex, Overseerr and Uptime Kuma are, and try it out."""


@service.command("list")
@as_json
def list_services(as_json: bool) -> None:
    """List the services: how each is, and for admins where."""
    found = client.connect().get("/services")["items"]
    if as_json:
        for each in found:
            show.print_json(each)
        return
    rows = [("SERVICE", "STATE", "LATENCY", "URL", "SECRET", "MESSAGE")]
    for each in found:
        secret = {True: "yes", False: "no"}.get(each.get("has_secret"), "")
        url, message = words.clean(each.get("url") or ""), words.clean(each["message"])
        rows.append((each["name"], each["state"], _latency(each), url, secret, message))
    click.echo(show.table(rows))


def _latency(found: Resource) -> str:
    return "" if found["latency_ms"] is None else f"{found['latency_ms']:g} ms"


@service.command("set")
@which
@click.option("--url", help="Its address as the server's machine reaches it.")
@click.option("--disconnect", is_flag=True, help="Forget its address and its secret.")
@click.option(
    "--token-file",
    type=click.File("r"),
    metavar="FILE",
    help="Holds its token or API key; - is standard input. Otherwise a terminal asks for it.",
)
@as_json
def set_service(
    name: str, url: str | None, disconnect: bool, token_file: IO[str] | None, as_json: bool
) -> None:
    """Say where a service is and what opens it, or disconnect it.

    The secret stays as it is unless it is given, but not for another host or port.
    """
    if (url is None) != disconnect or (disconnect and token_file):
        raise WrongUse("give --url, with --token-file if the secret changes, or --disconnect alone")
    body: Resource = {"url": url}
    secret = None if disconnect else _secret(token_file)
    if secret is not None:
        body["token" if name == "plex" else "api_key"] = secret
    found = client.connect().put(f"/services/{name}", body)
    if as_json:
        show.print_json(found)
    else:
        click.echo(_told(name, found))


def _secret(file: IO[str] | None) -> str | None:
    """The secret in a file, or what somebody types; None: it stays."""
    if file is None:
        asked = "Token or API key (nothing: as it is)"
        typed = (
            click.prompt(asked, default="", show_default=False, hide_input=True) if sys.stdin.isatty() else ""
        )
        return typed.strip() or None
    try:
        text = file.read(LONGEST).strip()
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise WrongUse(f"--token-file: {file.name} holds no secret")
    return text


@service.command()
@which
@as_json
def test(name: str, as_json: bool) -> None:
    """Try out how a service is reached; exit code 0 only if all is well."""
    found = client.connect().post(f"/services/{name}/test")
    if as_json:
        show.print_json(found)
    else:
        click.echo(_told(name, found))
    if not found["ok"]:
        sys.exit(FAILED)


def _told(name: str, found: Resource) -> str:
    """How a service is: a line for that, one for what it is and one for what to do."""
    latency = f", answers in {_latency(found)}" if found["latency_ms"] is not None else ""
    server = found.get("server") or {}
    called = " ".join(filter(None, (server.get("name"), server.get("version"))))
    more = (called, found["message"], found.get("advice", ""))
    return "\n".join(
        [f"{name} {found['state']}{latency}", *(f"  {words.clean(text)}" for text in more if text)]
    )
