"""Lent cookies come in and go, and nobody, their owner included, gets them out again."""

import json
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse
from yt_dlp.cookies import YoutubeDLCookieJar

from app.accounts import tokens, users
from app.accounts.identity import SCOPES
from config.database import change, query
from config.key_file import read_or_create
from config.settings import settings
from pipelines.models.cookie import cookies_for
from tests.app.conftest import API, Caller
from tests.app.web_process import WebServer

CANARY = "hunter2-canary"
FILE = f"# Netscape HTTP Cookie File\n\n.example.com\tTRUE\t/\tTRUE\t1893456000\tsession\t{CANARY}\n"

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def line(domain: str = ".example.com", below: str = "TRUE", **changes: str) -> str:
    fields = {"path": "/", "secure": "FALSE", "expires": "0", "name": "n", "value": CANARY} | changes
    return "\t".join([domain, below, *fields.values()]) + "\n"


def lend(caller: Caller, text: Any = FILE, host: str = "example.com") -> TestResponse:
    return caller.ask("PUT", f"/me/cookies/{host}", {"cookies": text})


def refused(response: TestResponse, field: str) -> str:
    """The message of the 422 for one field."""
    problem = response.get_json()
    assert (response.status_code, problem["code"]) == (422, "invalid_fields"), response.text
    assert [error["field"] for error in problem["errors"]] == [field]
    assert CANARY not in response.text
    assert query("SELECT * FROM cookie") == []
    return str(problem["errors"][0]["message"])


def kept(caller: Caller, text: str, host: str = "example.com") -> list[str]:
    """The lines that are stored of a text."""
    response = lend(caller, text, host)
    assert response.status_code == 204, response.text
    return (cookies_for(caller.id, host) or "").splitlines()[1:]


def test_cookies_are_lent_listed_by_host_and_taken_back(friend: Caller) -> None:
    response = lend(friend, host="Example.COM")
    assert (response.status_code, response.data) == (204, b"")
    assert cookies_for(friend.id, "example.com") == FILE.replace("\n\n", "\n")
    assert CANARY not in str(query("SELECT * FROM cookie"))
    listed = friend.get("/me/cookies")
    (item,) = listed.get_json()["items"]
    assert set(item) == {"host", "created_at"} and item["host"] == "example.com"
    assert listed.get_json()["next_cursor"] is None and CANARY not in listed.text
    assert friend.delete("/me/cookies/EXAMPLE.com").status_code == 204
    assert friend.delete("/me/cookies/example.com").status_code == 404
    assert friend.get("/me/cookies").get_json()["items"] == []


def test_no_call_shows_them(friend: Caller) -> None:
    lend(friend)
    assert friend.get("/me/cookies/example.com").status_code == 405


def test_somebody_elses_cookies_cannot_be_seen_used_or_taken_back(
    friend: Caller, stranger: Caller, admin: Caller
) -> None:
    lend(friend)
    for other in (stranger, admin):
        assert other.get("/me/cookies").get_json()["items"] == []
        assert other.delete("/me/cookies/example.com").status_code == 404
        assert cookies_for(other.id, "example.com") is None
    assert lend(stranger, line(value="another")).status_code == 204
    assert CANARY in (cookies_for(friend.id, "example.com") or "")


@on_sqlite
def test_the_command_line_of_the_machine_has_no_cookies(app: Flask) -> None:
    local = Caller(app.test_client(), tokens.LOCAL + read_or_create(settings().local_token_file))
    response = lend(local)
    assert (response.status_code, response.get_json()["code"]) == (403, "no_account")
    assert CANARY not in response.text
    assert local.get("/me/cookies").get_json()["items"] == []
    assert local.delete("/me/cookies/example.com").status_code == 404


@on_sqlite
def test_only_lines_for_the_host_are_kept(friend: Caller) -> None:
    ours = [".example.com", "www.example.com", "video.www.example.com", ".cdn.www.example.com"]
    others = ["example.org", "other.example.com", "notwww.example.com", ".com", "com", "localhost", "", "a b"]
    text = "".join(line(domain, value=domain) for domain in ours + others)
    stored = kept(friend, text, "www.example.com")
    assert [each.split("\t")[6] for each in stored] == ours


@on_sqlite
def test_odd_lines_of_other_hosts_do_no_harm(friend: Caller) -> None:
    odd = line("example.org", value="snow ☃") + line("example.org", secure="?", path="x")
    assert len(kept(friend, odd + line())) == 1


@on_sqlite
def test_each_browsers_spelling_becomes_one_that_yt_dlp_reads(friend: Caller, tmp_path: Path) -> None:
    text = "\ufeff# comment\r\n  \r\n#HttpOnly_" + "".join(
        each.replace("\n", "\r\n")
        for each in [
            line("example.com", "TRUE", name="undotted"),
            line(".example.com", "false", name="dotted", expires="1893456000.75"),
            line("EXAMPLE.com", "FALSE", name="ours", secure="true", expires=""),
            line(".example.com", name="session", expires="-1"),
            line(".example.com", name="", value="nameless"),
        ]
    )
    stored = [each.split("\t") for each in kept(friend, text)]
    assert [each[:2] for each in stored] == [
        [".example.com", "TRUE"],
        [".example.com", "TRUE"],
        ["example.com", "FALSE"],
        [".example.com", "TRUE"],
        [".example.com", "TRUE"],
    ]
    assert [each[4] for each in stored] == ["0", "1893456000", "0", "0", "0"]
    file = tmp_path / "cookies.txt"
    file.write_text(cookies_for(friend.id, "example.com") or "")
    jar: CookieJar = YoutubeDLCookieJar(str(file))
    jar.load()  # type: ignore[attr-defined]
    assert len(jar) == 5
    sent = jar.get_cookie_header("https://www.example.com/")  # type: ignore[attr-defined]
    assert {"undotted", "dotted", "session"} <= {each.split("=")[0] for each in sent.split("; ")}


@on_sqlite
def test_cookies_for_an_address_are_sent_there(friend: Caller, tmp_path: Path) -> None:
    kept(friend, line("127.0.0.1", "FALSE") + line("0.0.1"), "127.0.0.1")
    file = tmp_path / "cookies.txt"
    file.write_text(cookies_for(friend.id, "127.0.0.1") or "")
    jar: Any = YoutubeDLCookieJar(str(file))
    jar.load()
    assert jar.get_cookie_header("http://127.0.0.1:8080/") == f"n={CANARY}"


@on_sqlite
@pytest.mark.parametrize(
    "host", ["com", "localhost", "example.com:443", "a b.example", "*.example.com", "%00.a"]
)
def test_what_is_no_host_is_refused(friend: Caller, host: str) -> None:
    refused(lend(friend, host=host), "host")
    assert friend.delete(f"/me/cookies/{host}").status_code == 404


@on_sqlite
@pytest.mark.parametrize(
    "text",
    [
        "",
        CANARY,
        f"# {CANARY}\n",
        json.dumps([{"domain": "example.com", "value": CANARY}]),
        line().replace("\t", " "),
        line().rstrip("\n") + "\tmore",
        line("example.org"),
        line(".com"),
        line() + CANARY,
        line(below="MAYBE"),
        line(secure=CANARY),
        line(path=CANARY),
        line(expires=CANARY),
        line(expires="1e9"),
        line(expires="9" * 400),
        line(value=f"{CANARY}\x00"),
        line(value=f"{CANARY}\rSet-Cookie: a=b"),
        line(value=f"{CANARY}\u2028"),
        line(name=f"{CANARY}é"),
        CANARY * 5000,
        line(value="é" * 20_000),
        f"{CANARY}\ud800",
        5,
        None,
        [CANARY],
        {"text": CANARY},
    ],
)
def test_what_is_no_cookie_file_for_the_host_is_refused_and_not_repeated(friend: Caller, text: Any) -> None:
    refused(lend(friend, text), "cookies")


@on_sqlite
def test_the_refusal_says_which_line_is_wrong(friend: Caller) -> None:
    assert "line 3 " in refused(lend(friend, f"# c\n{line()}{CANARY}\n"), "cookies")


@on_sqlite
def test_32_kib_is_the_most(friend: Caller) -> None:
    bare = len(line(value=""))
    refused(lend(friend, line(value="x" * ((32 << 10) - bare + 1))), "cookies")
    assert lend(friend, line(value="x" * ((32 << 10) - bare))).status_code == 204


@on_sqlite
def test_unknown_fields_are_refused_and_not_repeated(friend: Caller) -> None:
    body = {"cookies": FILE, "text": CANARY}
    refused(friend.ask("PUT", "/me/cookies/example.com", body), "text")


def test_no_log_tells_them_whatever_happens(environment: Path, bound_database: str) -> None:
    _, token = tokens.create(users.create("eve", None, "user"), "test", SCOPES)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    variables = {
        "DATABASE_URL": bound_database,
        "REDIS_URL": settings().redis_url,
        "MEDIANEST_DATA_DIR": str(environment),
    }
    with WebServer(variables) as server:

        def put(text: Any) -> tuple[int, bytes]:
            body = json.dumps({"cookies": text}).encode()
            return server.ask("PUT", f"{API}/me/cookies/example.com", body, headers)[:2]

        answers = [put(FILE), put(CANARY), put([CANARY])]
        change("DROP TABLE cookie")
        answers.append(put(FILE))
        log = server.log
    assert [status for status, _ in answers[:3]] == [204, 422, 422]
    assert answers[3][0] >= 500
    assert CANARY not in log and not any(CANARY.encode() in body for _, body in answers)
    assert log.count("/me/cookies/<host>") == 4
