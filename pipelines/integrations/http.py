"""Calls to other services: a connect timeout, a read timeout and a total deadline, nothing of the answer echoed."""

import time

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
TOTAL_SECONDS = 8.0
CHUNK = 16 * 1024


class Unreachable(Exception):
    """No answer; `message` says in plain words why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def status(url: str) -> int:
    """The status code that `url` answers a GET with, redirects not followed; raises Unreachable."""
    import requests  # 4 MB that only a process which calls out needs

    began = time.monotonic()
    try:
        with requests.get(
            url, timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True, allow_redirects=False
        ) as answer:
            for _ in answer.iter_content(CHUNK):
                if time.monotonic() - began > TOTAL_SECONDS:
                    raise Unreachable("It answers too slowly.")
            return answer.status_code
    except requests.Timeout:
        raise Unreachable("It does not answer in time.") from None
    except requests.exceptions.SSLError:
        raise Unreachable("Its certificate is not accepted.") from None
    except requests.RequestException:
        raise Unreachable("It cannot be reached.") from None
