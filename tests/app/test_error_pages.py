"""What a browser and a program get when there is nothing at an address, or something breaks."""

import re

import pytest
from flask import Flask

from app.access import RULES
from app.envelope import CONTENT_POLICY
from tests.app.conftest import API

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"}
PROGRAMS = ("", "*/*", "application/json", "application/problem+json", "application/json, text/html;q=0.5")


def test_a_browser_gets_a_page_with_its_styles_and_a_way_home(app: Flask) -> None:
    client = app.test_client()
    for path in ("/nothing", "/nothing/below/it", "/assets/old/js/home.js"):
        response = client.get(path, headers=BROWSER | {"X-Request-ID": "findme-0123"})
        assert (response.status_code, response.mimetype) == (404, "text/html")
        assert response.headers["Content-Security-Policy"] == CONTENT_POLICY
        assert {"There is nothing here", "findme-0123", 'href="/"'} <= set(
            re.findall(r'There is nothing here|findme-0123|href="/"', response.text)
        )
        assert not re.findall(r"<script>|<style| style=| on\w+=", response.text)
        for address in re.findall(r'(?:src|href)="(/assets[^"]+)"', response.text):
            assert client.get(address).status_code == 200


@pytest.mark.parametrize("accept", PROGRAMS)
def test_a_program_gets_problem_json(app: Flask, accept: str) -> None:
    headers = {"Accept": accept} if accept else {}
    response = app.test_client().get("/nothing", headers=headers)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


@pytest.mark.parametrize("path", [f"{API}/nothing", f"{API}/me", "/api", "/api/nothing"])
def test_the_api_answers_browsers_too_in_json(app: Flask, path: str) -> None:
    response = app.test_client().get(path, headers=BROWSER)
    assert (response.status_code // 100, response.mimetype) == (4, "application/problem+json")


def test_what_breaks_says_nothing_about_the_inside(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> str:
        raise RuntimeError("the password of the database is <hunter2>")

    app.add_url_rule("/broken", "broken", breaks)
    monkeypatch.setitem(RULES, "broken", "public")
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    for headers, kind in ((BROWSER, "text/html"), ({}, "application/problem+json")):
        response = app.test_client().get("/broken", headers=headers)
        assert (response.status_code, response.mimetype) == (500, kind)
        assert response.headers["X-Request-ID"] in response.text
        assert not re.findall("hunter2|RuntimeError|Traceback|\\.py", response.text)


def test_an_address_is_not_repeated_as_markup(app: Flask) -> None:
    response = app.test_client().get("/<script>alert(1)</script>", headers=BROWSER)
    assert response.status_code == 404
    assert "alert(1)" not in response.text


def test_another_method_keeps_its_status_and_header(app: Flask) -> None:
    response = app.test_client().post("/manifest.webmanifest", headers=BROWSER)
    assert (response.status_code, response.mimetype) == (405, "text/html")
    assert "GET" in response.headers["Allow"]


def test_below_a_path_the_page_leads_home_below_it(
    bound_database: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MEDIANEST_URL", "https://nest.example/medianest")
    app: Flask = request.getfixturevalue("app")
    page = app.test_client().get("/medianest/nothing/at/all", headers=BROWSER).text
    assert 'href="/medianest/"' in page
    assert set(re.findall(r'(?:src|href)="(/[a-z]*)', page)) == {"/medianest"}
