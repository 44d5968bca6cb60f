"""HTTP to one model vendor: every failure becomes an upstream error, every wait ends."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.utils
import urllib3.exceptions

from memoryos_tasks.adapters.llm.patience import Patience
from memoryos_tasks.adapters.llm.refusal import refusal
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.wire import Adapter, limited
from memoryos_tasks.core.errors import Cancelled, ConfigError, InvalidRequest, UpstreamError, UpstreamTimeout
from memoryos_tasks.ports.llm import never

#: Connections kept open to one vendor. More are opened when needed, and closed after use.
POOL = 64

#: Requests that are kept prepared: some vendors have a path a model.
READY = 256

#: The largest answer that is read, in bytes: all chunks of a stream together.
MAX_ANSWER = 64 * 1024 * 1024

#: How much of an error's body is read, in bytes, and for how long, in seconds.
MAX_ERROR = 64 * 1024
ERROR_WAIT = 5.0

_PIECE = 64 * 1024


class Transport:
    """Posts JSON to ``base_url``. Safe to share between threads; make it after a fork.

    ``secret`` is what must never show in an error; ``headers`` carry it in the vendor's way. ``refused`` reads an
    answer that is not a 200, for vendors whose errors say more than :func:`refusal` looks at.

    It speaks through requests' connection pool without a Session: a Session would follow redirects with our
    prompt, keep a vendor's cookies across tenants and let a .netrc replace our key. Of the environment it
    honours what a network needs (proxies, a CA bundle), read once.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        *,
        secret: str = "",
        refused: Callable[..., UpstreamError] = refusal,
    ) -> None:
        self.provider = provider
        self._base_url = _checked(provider, base_url)
        self._headers = {"Content-Type": "application/json", "User-Agent": "memoryos", **headers}
        self._timeouts = timeouts
        self._secret = secret
        self._refused = refused
        self._ready: dict[tuple[str, str, str], requests.PreparedRequest] = {}
        self._http = Adapter(pool_connections=1, pool_maxsize=POOL, max_retries=0)
        self._proxies = requests.utils.get_environ_proxies(self._base_url)
        self._verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        deadline: float,
        stream: bool,
        cancelled: Callable[[], bool] = never,
    ) -> Answer:
        """Send ``body`` and return the answer once its headers say 200.

        ``cancelled`` is asked at least every :data:`wire.LOOK` seconds, over the whole answer.

        Raises :class:`UpstreamError` and its children, :class:`DeadlineExceeded`, :class:`InvalidRequest`,
        :class:`Cancelled`.
        """
        return self._exchange("POST", path, body, Patience(
            self.provider, self._timeouts, deadline, stream=stream, cancelled=cancelled
        ), stream)

    def get(self, path: str, *, deadline: float) -> Answer:
        """As :meth:`post`, for what needs no body."""
        return self._exchange("GET", path, None, Patience(
            self.provider, self._timeouts, deadline, stream=False
        ), False)

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, patience: Patience, stream: bool
    ) -> Answer:
        answer = Answer(self._send(method, path, body, patience, stream), self.provider, patience)
        if answer.status != 200:
            with answer:
                raise self._refused(
                    self.provider,
                    answer.status,
                    answer.headers,
                    answer.error_body(),
                    secret=self._secret,
                    now=time.time(),
                )
        return answer

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, patience: Patience, stream: bool
    ) -> requests.Response:
        request = self._request(method, path, "text/event-stream" if stream else "application/json")
        if body is not None:
            request.body = _encoded(body)
            request.headers["Content-Length"] = str(len(request.body))
        connect = patience.connect()
        try:
            with limited(patience):
                return self._http.send(
                    request,
                    stream=True,
                    # The second is for sending; reads have their own.
                    timeout=(connect, patience.read()),
                    verify=self._verify,
                    proxies=self._proxies,
                )
        # From None: requests' errors carry the whole request, prompt and key included.
        except requests.ConnectTimeout:
            raise UpstreamTimeout(
                f"The model provider '{self.provider}' accepted no connection within {connect:g} s."
            ) from None
        except requests.ReadTimeout:
            raise patience.exceeded() from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            if isinstance(_root(error), TimeoutError):
                raise patience.exceeded() from None
            # RemoteDisconnected, ConnectionResetError and BrokenPipeError; a refused connection is none of them.
            hung_up = isinstance(_root(error), (ConnectionResetError, BrokenPipeError))
            what = "hung up without an answer" if hung_up else f"cannot be reached{_reason(error)}"
            raise UpstreamError(f"The model provider '{self.provider}' {what}.") from None

    def _request(self, method: str, path: str, accept: str) -> requests.PreparedRequest:
        """A request without a body. Preparing one costs as much as sending it, so each is prepared once and copied."""
        ready = self._ready.get((method, path, accept))
        if ready is None:
            # identity: a compressing proxy would hold tokens back until it has a block of them.
            headers = {**self._headers, "Accept": accept, "Accept-Encoding": "identity"}
            ready = requests.Request(method, self._base_url + path, headers=headers).prepare()
            if len(self._ready) < READY:
                self._ready[method, path, accept] = ready
        return ready.copy()


class Answer:
    """A vendor's answer, of which the headers are here. Leaving its context closes the connection at once."""

    def __init__(self, response: requests.Response, provider: str, patience: Patience) -> None:
        self._response = response
        self._provider = provider
        self._patience = patience
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._patience.ended()
        self._response.close()

    def started(self) -> None:
        """The first event of a stream is here."""
        self._patience.started()

    def chunks(self) -> Iterator[bytes]:
        """The body, each piece as soon as it arrives.

        Raises :class:`UpstreamError` and its children, :class:`Cancelled`.
        """
        size = 0
        while piece := self._read():
            size += len(piece)
            if size > MAX_ANSWER:
                raise self.broken(f"sent more than {MAX_ANSWER} bytes")
            yield piece

    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks())

    def error_body(self) -> bytes:
        """As much of an error's body as there is and is worth waiting for."""
        self._patience.hurry(ERROR_WAIT)
        read = b""
        with suppress(UpstreamError, Cancelled):  # the status says enough
            for piece in self.chunks():
                read += piece
                if len(read) > MAX_ERROR:
                    break
        return read[:MAX_ERROR]

    def hurry(self, seconds: float) -> None:
        """What may still come is worth no longer wait than this."""
        self._patience.hurry(seconds)

    def finish(self, wait: float) -> None:
        """Give the vendor ``wait`` seconds to end the body, so that the connection can serve again."""
        self._patience.hurry(wait)
        with suppress(UpstreamError, Cancelled):  # nothing is lost but the connection
            self._read()

    def broken(self, what: str) -> UpstreamError:
        """An error that says what the vendor did."""
        return UpstreamError(f"The model provider '{self._provider}' {what}.", upstream_status=self.status)

    def _read(self) -> bytes:
        self._patience.begin()
        self._patience.read()  # Also when the next piece is here already: a vendor that never stops is no stream.
        try:
            # read1, not requests' iter_content: that one waits until its buffer is full.
            piece: bytes = self._response.raw.read1(_PIECE, decode_content=True)
            return piece
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.broken(f"broke off its answer{_reason(error)}") from None


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest("The request holds a value that JSON cannot carry, such as NaN.") from None


def _checked(provider: str, base_url: str) -> str:
    key = f"llm.{provider}_base_url"
    try:
        parts = urlsplit(base_url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(f"{key} must be an http or https URL, such as https://api.example.com/v1.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(f"{key} must hold no credentials, query or fragment: use llm.{provider}_api_key.")
    return base_url.strip().rstrip("/")


def _root(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error


def _reason(error: BaseException) -> str:
    """What the system says of it, behind a colon; nothing where there is only an exception's name."""
    root = _root(error)
    said = root.strerror if isinstance(root, OSError) else None
    return f": {said}" if said else ""
