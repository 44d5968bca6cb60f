"""One HTTP request to a place that takes documents: bounded in time and size, without redirects."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3.exceptions

from memoryos_tasks.core.errors import InvalidRequest, UpstreamError, UpstreamTimeout

#: Most bytes of an answer that are read; its end is not needed.
MOST_READ = 1024 * 1024
#: Characters of a refusal that are shown.
SHOWN = 200
_PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    place: str, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", *, timeout: float
) -> Reply:
    """One request; the reply, whatever its status. ``place`` names the other side in errors.

    Raises :class:`UpstreamError` and :class:`UpstreamTimeout`.
    """
    end = time.monotonic() + timeout
    try:
        with requests.request(
            method,
            url,
            data=body or None,
            headers={"User-Agent": "memoryos", "Accept-Encoding": "identity", **headers},
            timeout=timeout,
            allow_redirects=False,
            stream=True,
            # A .netrc would replace our own signature.
            auth=_as_it_is,
        ) as response:
            read = b""
            # read1, not requests' iter_content: that one waits until its buffer is full.
            while len(read) < MOST_READ and (piece := response.raw.read1(_PIECE, decode_content=True)):
                read += piece
                if time.monotonic() > end:
                    raise UpstreamTimeout(f"{place} did not answer within {timeout:g} s.")
            return Reply(response.status_code, response.headers, read)
    # From None: requests' errors carry the request, credentials included.
    except (requests.Timeout, urllib3.exceptions.ReadTimeoutError):
        raise UpstreamTimeout(f"{place} did not answer within {timeout:g} s.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UpstreamError(f"{place} cannot be reached: {type(error).__name__}.") from None


def accepted(place: str, reply: Reply, *secrets: str) -> Reply:
    """The reply, if it is a success. Raises :class:`InvalidRequest` for a refusal that stays one, and
    :class:`UpstreamError` for one that may pass."""
    if 200 <= reply.status < 300:
        return reply
    said = " ".join(reply.body.decode("utf-8", "replace").split())
    for secret in secrets:
        said = said.replace(secret, "…") if secret else said
    told = f"{place} answered {reply.status}: {said[:SHOWN] or 'nothing'}"
    if reply.status in (408, 409, 425, 429) or reply.status >= 500:
        raise UpstreamError(told, upstream_status=reply.status)
    raise InvalidRequest(f"{told}. Check the settings in [faq].", param="to")


def given(**settings: str) -> None:
    """Raises :class:`InvalidRequest` naming the settings of ``[faq]`` that are empty."""
    missing = [f"faq.{name}" for name, value in settings.items() if not value.strip()]
    if missing:
        raise InvalidRequest(f"This export needs {', '.join(missing)}; set it in config.toml.", param=missing[0])


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
