"""The description of the API: complete, and readable without the Internet."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api.shapes import JOB_ERRORS
from app.errors import CODES
from tests.app.conftest import API

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ROOT = Path(__file__).parents[3]
ELSEWHERE = ("docs", "pages", "feed")  # not calls of the API


@pytest.fixture
def description(browser: FlaskClient) -> dict[str, Any]:
    answer: dict[str, Any] = browser.get(f"{API}/openapi.json").get_json()
    return answer


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_every_call_is_described(app: Flask, description: dict[str, Any]) -> None:
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.partition(".")[0] not in ELSEWHERE
    }
    assert {(path, method) for path, method, _ in operations(description)} == served


def test_every_call_has_a_summary_and_a_name_of_its_own(description: dict[str, Any]) -> None:
    all_operations = [operation for _, _, operation in operations(description)]
    assert all(operation["summary"] for operation in all_operations)
    assert len({operation["operationId"] for operation in all_operations}) == len(all_operations)


def test_every_reference_leads_somewhere_and_none_elsewhere(description: dict[str, Any]) -> None:
    text = json.dumps(description)
    references = set(re.findall(r'"\$ref": "([^"]*)"', text))
    assert references
    for reference in references:
        name = reference.removeprefix("#/components/schemas/")
        assert name in description["components"]["schemas"], reference
    assert set(re.findall(r"https?://[^\"\\ )`]*", text)) <= {"https://example.com/video.mp4"}


def test_errors_are_problems_and_all_their_codes_are_listed(description: dict[str, Any]) -> None:
    for path, method, operation in operations(description):
        if path.endswith(("health", "/ready")):
            continue
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (path, method, status)
    assert description["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CODES)


def test_the_codes_with_which_jobs_fail_are_listed(description: dict[str, Any]) -> None:
    listed = description["components"]["schemas"]["JobError"]["properties"]["code"]["description"]
    raised: set[str] = set()
    for source in (ROOT / "pipelines").rglob("*.py"):
        text = source.read_text()
        raised |= set(re.findall(r'(?:TryAgain|GiveUp)\(\s*"(\w+)"', text))
        raised |= set(re.findall(r'Answer\(\s*(?:True|False),\s*"(\w+)"', text))
        raised |= set(re.findall(r'"code": "(\w+)"', text))
    assert {"worker_lost", "disk_full"} <= raised
    assert raised <= set(JOB_ERRORS)
    assert all(f"`{code}`" in listed for code in JOB_ERRORS)


def test_the_viewer_loads_everything_from_here(browser: FlaskClient) -> None:
    page = browser.get(f"{API}/docs")
    assert page.mimetype == "text/html"
    assert "http" not in page.text.replace("<!doctype html>", "").replace("http-equiv", "")
    loaded = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert len(loaded) == 4
    for address in loaded:
        response = browser.get(f"{API}/{address}")
        assert response.status_code == 200
        assert response.content_length or response.data
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script" not in policy  # falls back to 'self': no inline script, no eval
    assert "http" not in policy
    assert "validatorUrl: null" in browser.get(f"{API}/docs/start.js").text
