"""The HTTP client of the commands: timeouts, one-line errors, and the options that all commands share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import requests

from memoryos_app.stack.datadir import running_url

Command = TypeVar("Command", bound=Callable[..., Any])
Stream = Generator[dict[str, Any], None, None]

#: Seconds to connect, and to wait for the next byte.
TIMEOUT = (5.0, 60.0)
#: Seconds to wait for the answer to an upload, which the server takes in as fast as it can write it to disk.
UPLOAD_SECONDS = 600.0
#: How often a call is tried while the server says that it cannot now (503, 429).
ATTEMPTS = 6


def default_url() -> str:
    """The gateway of the stack that runs in the data directory, if one does, else the usual port."""
    return running_url(Path(os.environ.get("MEMORYOS_DATA_DIR") or ".memoryos")) or "http://127.0.0.1:8080"


def server_options(command: Command) -> Command:
    """``--url`` and ``--api-key``."""
    key = click.option("--api-key", envvar="MEMORYOS_API_KEY", default="", help="API key, if the server needs one. "
                       "[env: MEMORYOS_API_KEY]")
    url = click.option("--url", envvar="MEMORYOS_URL", default=default_url,
                       help="The server.  [env: MEMORYOS_URL; default: that of the stack running in MEMORYOS_DATA_DIR "
                       "or ./.memoryos, else http://127.0.0.1:8080]")
    return url(key(command))


class Failed(click.ClickException):
    """A call that failed, in one line; exit code 1."""


class Api:
    """Calls to one server. Every method raises :class:`Failed`."""

    def __init__(self, url: str, api_key: str = "") -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._session = requests.Session()
        # The user's proxies are for the outside; only what --url names is asked here.
        self._session.trust_env = not self.url.startswith(("http://127.", "http://localhost", "http://[::1]"))
        if api_key:
            self._session.headers["Authorization"] = f"Bearer {api_key}"

    def get(self, path: str, *, accept: tuple[int, ...] = ()) -> tuple[int, Any]:
        """Status and JSON of a GET; statuses in ``accept`` are answers too, not failures."""
        answer = self._send("GET", path, None)
        return answer.status_code, self._read(answer, accept)

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """Status and JSON of a POST, tried again (with a bound) while the server asks for patience."""
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._send("POST", path, body)
            if answer.status_code not in (429, 503) or attempt == ATTEMPTS:
                break
            time.sleep(_patience(answer, attempt))
        return answer.status_code, self._read(answer)

    def upload(self, path: str, pieces: Iterable[bytes], content_type: str) -> Any:
        """The JSON answer of a POST whose body is sent as it is read; it is sent once."""
        try:
            answer = self._session.post(self.url + path, data=iter(pieces), headers={"Content-Type": content_type},
                                        timeout=(TIMEOUT[0], UPLOAD_SECONDS))
        except requests.ConnectionError as error:
            said = f"{self.url} does not answer, or hung up. Start a server with 'memoryos up', or name it with --url."
            raise Failed(said) from error
        except requests.RequestException as error:
            raise Failed(f"{self.url}{path}: {error}") from error
        return self._read(answer)

    def stream(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Stream:
        """The JSON of each server-sent event of a POST, up to ``[DONE]``; a stream that ends without it failed."""
        with self._send("POST", path, body, headers, stream=True) as answer:
            if answer.status_code != 200:
                self._read(answer)
            try:
                for line in answer.iter_lines():
                    if not line.startswith(b"data:"):
                        continue
                    data = line[5:].strip()
                    if data == b"[DONE]":
                        return
                    yield _event(data)
            except requests.RequestException as error:
                raise Failed(f"The connection broke: {error}") from error
        raise Failed("The stream ended before the answer was complete.")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None,
              headers: Mapping[str, str] | None = None, *, stream: bool = False) -> requests.Response:
        try:
            return self._session.request(method, self.url + path, json=body, headers=dict(headers or {}),
                                         timeout=TIMEOUT, stream=stream)
        except requests.ConnectionError as error:
            said = f"No server answers at {self.url}. Start one with 'memoryos up', or name it with --url."
            raise Failed(said) from error
        except requests.RequestException as error:
            raise Failed(f"{self.url}{path}: {error}") from error

    def _read(self, answer: requests.Response, accept: tuple[int, ...] = ()) -> Any:
        try:
            said = answer.json()
        except ValueError:
            said = None
        if answer.ok or answer.status_code in accept:
            if said is None:
                raise Failed(f"{answer.url} answered {answer.status_code} without JSON. Is this a MemoryOS server?")
            return said
        raise Failed(f"{answer.status_code}: {_message(said) or answer.reason}")


def _event(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except ValueError as error:
        raise Failed(f"The server sent an event that is not JSON: {data[:80]!r}") from error
    if not isinstance(event, dict) or "error" in event:
        raise Failed(_message(event) or f"The server sent {data[:80]!r}")
    return event


def _message(said: object) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _patience(answer: requests.Response, attempt: int) -> float:
    try:
        asked = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        asked = 0.25 * 2**attempt
    return min(max(asked, 0.1), 10.0)
