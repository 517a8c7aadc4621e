"""schemathesis reads the API's description and tries every call as everybody: what comes back is always what it says.

Two kinds of examples: what the description allows and what it forbids; and where a call is about a thing, also with
the name of one that there is.
"""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from app.accounts import sessions, users
from tests.app.api.test_downloads import stored
from tests.app.conftest import API, PASSWORD, Caller

EXAMPLES = 5  # of each kind, for each call; always the same ones
CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/auth/login": {"username": "dora", "password": PASSWORD},
    "POST /api/v1/jobs": {"kind": "echo", "params": {}},
    "PUT /api/v1/me/cookies/{host}": {"cookies": "example.com\tFALSE\t/\tFALSE\t0\tname\tvalue"},
    "PUT /api/v1/services/{name}": {"url": None},
}
"""What cannot be guessed."""

UNREACHED = {
    "POST /api/v1/auth/setup",  # there is an admin
    "POST /api/v1/auth/plex",  # no Plex is connected; tests/app/accounts/test_plex_sign_in.py has one
    "POST /api/v1/jobs/{job_id}/pause",  # the kind cannot be paused
    "POST /api/v1/jobs/{job_id}/resume",
}
"""The calls in which an admin has no success here, and why."""

Operation = APIOperation[Any, Any, Any, Any]
Things = dict[str, dict[str, str]]

few = hypothesis_settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def unlimited(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody calls too often."""
    monkeypatch.setenv("MEDIANEST_REQUESTS_PER_MINUTE", "0")
    monkeypatch.setenv("MEDIANEST_DOWNLOAD_PER_HOUR", "0")


@pytest.fixture(params=["admin", "friend", "nobody"])
def headers(request: pytest.FixtureRequest, unlimited: None, admin: Caller, friend: Caller) -> dict[str, str]:
    """What somebody proves with who they are."""
    if request.param == "nobody":
        return {}
    return {"Authorization": f"Bearer {(admin if request.param == 'admin' else friend).token}"}


@pytest.fixture
def known(app: Flask, headers: dict[str, str], admin: Caller, friend: Caller, stranger: Caller) -> Things:
    """For each list the thing in it that calls are tried with."""
    own = admin if admin.token in str(headers) else friend
    job = own.submit()["id"]
    stored(own, int(job))
    users.create("dora", PASSWORD, "user")
    session = sessions.begin(own.id, "test")
    app.test_client().put(
        f"{API}/me/cookies/example.com", json=BODIES["PUT /api/v1/me/cookies/{host}"], headers=headers
    )
    assert session
    return {
        "/me/sessions": {"id": own.get("/me/sessions").get_json()["items"][0]["id"]},
        "/me/tokens": {"id": own.post("/me/tokens", {"label": "another"}).get_json()["id"]},
        "/me/cookies": {"host": "example.com"},
        "/jobs": {"job_id": job},
        "/downloads": {"download_id": own.get("/downloads").get_json()["items"][0]["id"]},
        "/services": {"name": "plex"},
        "/users": {"id": str(stranger.id)},
        "/admin/queues": {"name": "download"},
    }


def test_every_call_answers_as_its_description_says(
    app: Flask, known: Things, headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    wrong: dict[str, str] = {}
    tried: dict[str, set[int]] = {}
    for operation in operations(app):
        tried[operation.label] = set()
        for strategy in strategies(operation, known):
            try:
                try_out(strategy, headers, tried[operation.label])
            except FailureGroup as group:  # go on, so that all of them are told
                wrong[operation.label] = str(group.exceptions[0])
    assert not wrong, "\n\n".join(f"{label}\n{error}" for label, error in wrong.items())
    got_in = {label for label, statuses in tried.items() if min(statuses) < 300}
    if request.node.callspec.params["headers"] == "admin":
        assert tried.keys() - got_in == UNREACHED
    assert len(tried) > 40


def operations(app: Flask) -> list[Operation]:
    """All calls; those last that remove one's own things, for those before them need these."""
    found = []
    for each in schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app).get_all_operations():
        assert isinstance(each, Ok), each.err()
        found.append(each.ok())
    return sorted(found, key=lambda operation: (operation.method == "delete", -len(operation.path)))


def strategies(operation: Operation, known: Things) -> list[Any]:
    """What is allowed, what is not, and what is about something that there is."""
    all_of = [operation.as_strategy()]
    if operation.body or list(operation.iter_parameters()):  # otherwise there is nothing to be wrong
        all_of += [operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)]
    given_values: dict[str, Any] = {}
    if "{" in operation.path:
        given_values["path_parameters"] = known[operation.path.removeprefix(API).partition("/{")[0]]
    if operation.label in BODIES:
        given_values |= {"body": BODIES[operation.label], "media_type": "application/json"}
    return [*all_of, operation.as_strategy(**given_values)] if given_values else all_of


def try_out(strategy: Any, headers: dict[str, str], seen: set[int]) -> None:
    """Make the call with some examples; raises schemathesis' account of the first answer that is wrong."""

    @few
    @given(case=strategy)
    def one(case: Case[Any]) -> None:
        case.headers.pop("Authorization", None)  # it makes up some of its own
        answer = case.call(headers=headers)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKED)

    one()
