"""MediaNest's REST API as the command line uses it; what the server refuses becomes a Failure."""

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import click
import requests
from requests.auth import AuthBase

from app.cli.failure import Failure, Unreachable, WrongUse, checked_settings

Resource = dict[str, Any]

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
MOST_PER_PAGE = 200
LOCAL_PREFIX = "mnp_local_"

WRONG_ASKING = {400, 401, 403, 404, 411, 413, 415, 422}
NOT_SERVING = {502, 503, 504}


class Bearer(AuthBase):
    """The token, also where a .netrc has something else for this host."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Server:
    """One MediaNest at `url`, asked as the holder of `token`."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._session = requests.Session()
        self._session.auth = Bearer(token)
        self._session.trust_env = not is_loopback(urlsplit(url).hostname or "")  # no proxy to ourselves

    def get(self, path: str, **query: Any) -> Resource:
        """GET /api/v1`path`."""
        return self._ask("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: Resource | None = None, key: str | None = None) -> Resource:
        """POST `body` to /api/v1`path`, with an idempotency key if there is one."""
        return self._ask("POST", path, json=body, headers={"Idempotency-Key": key} if key else None)

    def put(self, path: str, body: Resource) -> Resource:
        """PUT `body` to /api/v1`path`."""
        return self._ask("PUT", path, json=body)

    def pages(self, path: str, limit: int, **query: Any) -> Iterator[Resource]:
        """Up to `limit` items of a list."""
        cursor = None
        while limit > 0:
            page = self.get(path, limit=min(limit, MOST_PER_PAGE), cursor=cursor, **query)
            yield from page["items"][:limit]
            limit -= len(page["items"])
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _ask(self, method: str, path: str, **rest: Any) -> Resource:
        try:
            answer = self._session.request(
                method,
                f"{self.url}/api/v1{path}",
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                **rest,
            )
        except requests.exceptions.SSLError:
            raise Unreachable(f"the certificate of {self.url} is not accepted") from None
        except requests.RequestException:
            raise Unreachable(
                f"no answer from {self.url}\n"
                "start MediaNest with `medianest up`, or set MEDIANEST_URL (or PORT) to where it runs"
            ) from None
        if not answer.ok or answer.is_redirect:
            raise refusal(answer)
        return _json(answer, self.url)


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _json(answer: requests.Response, url: str) -> Resource:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(f"what answers at {url} is not MediaNest; set MEDIANEST_URL to where it runs")
    return found


def refusal(answer: requests.Response) -> Failure:
    """What an answer that is not a success means for whoever gave the command."""
    if answer.is_redirect:
        return WrongUse(f"the server sends us on to {answer.headers['Location']}; set MEDIANEST_URL to it")
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict) or "code" not in problem:
        return Unreachable(
            f"the server answers {answer.status_code} {answer.reason}, and not as MediaNest does"
        )
    lines = _fields(problem) or [str(problem.get("detail") or problem.get("title") or problem["code"])]
    if answer.status_code == 401:
        lines.append("set MEDIANEST_TOKEN to a token that `medianest token create` gave you")
    if wait := answer.headers.get("Retry-After"):
        lines.append(f"try again in {wait} s")
    if answer.status_code in NOT_SERVING:
        return Unreachable("\n".join(lines))
    wrong = answer.status_code in WRONG_ASKING
    return WrongUse("\n".join(lines)) if wrong else Failure("\n".join(lines))


def _fields(problem: Resource) -> list[str]:
    """One line for each field that was wrong."""
    return [f"{error.get('field', '')}: {error.get('message', '')}" for error in problem.get("errors") or []]


def connect() -> Server:
    """The server that the settings name, with MEDIANEST_TOKEN or the local token."""
    here = checked_settings()
    return Server(here.url, here.token or _local_token())


def _local_token() -> str:
    file = checked_settings().local_token_file
    try:
        return LOCAL_PREFIX + file.read_text().strip()
    except FileNotFoundError:
        reason = f"there is none in the data directory ({file.parent})"
    except OSError as error:
        reason = f"{file} cannot be read: {error.strerror}"
    raise WrongUse(
        f"no token: {reason}\nset MEDIANEST_TOKEN, or MEDIANEST_DATA_DIR to the data directory of `medianest up`"
    )


def say(text: str) -> None:
    """A remark beside the output proper."""
    click.echo(f"medianest: {text}", err=True)
