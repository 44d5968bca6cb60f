"""Following one key of etcd over its HTTP gateway.

The stream of a watch may fall silent for good: when its member dies without a word, is cut off from the others, or has
compacted what was asked for. So nothing hangs on the stream: every watch begins with a read of the key through the
cluster's majority, goes on from the revision after that read, and ends after some silence with another read.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import requests
import structlog
import urllib3.exceptions

from memoryos_tasks.adapters.plane.etcd_members import EtcdMembers, b64, get, rows

log = structlog.get_logger(__name__)


class EtcdWatch:
    """``timeout``: limit (seconds) of a call; ``silence``: seconds without a word after which the key is read again."""

    def __init__(self, members: Sequence[str], key: str, *, timeout: float, silence: float, first: int = 0) -> None:
        self._members = EtcdMembers(members, timeout=timeout, first=first)
        self._key = key
        self._timeout = timeout
        self._silence = silence
        self._response: requests.Response | None = None

    def wait(self, revision: int, stop: threading.Event) -> None:
        """Until the key's revision may be another than this, or nothing was heard for a while. Raises
        :class:`RegistryDown`."""
        answer = self._members.transaction([], [get(self._key)])
        found = rows(answer, 0)
        if (int(found[0][1]["mod_revision"]) if found else 0) == revision and not stop.is_set():
            self._hear(int(answer["header"]["revision"]) + 1)

    def close(self) -> None:
        """End a wait that is under way."""
        response = self._response
        if response is not None:
            with suppress(OSError, ValueError, AttributeError), socket.socket(
                fileno=os.dup(response.raw.fileno())
            ) as stream:
                stream.shutdown(socket.SHUT_RDWR)

    def _hear(self, start: int) -> None:
        client = self._members.current
        asked: Any = {"create_request": {"key": b64(self._key), "start_revision": start}}
        try:
            with client.session.post(
                client.get_url("/watch"), json=asked, stream=True, timeout=(self._timeout, self._silence)
            ) as response:
                self._response = response
                for line in response.iter_lines():
                    told = json.loads(line).get("result") if line else {}
                    if told is None or told.get("canceled"):
                        log.info("watch_cancelled", compacted=(told or {}).get("compact_revision"))
                        return
                    if told.get("events"):
                        return
            self._members.rotate()  # The member ended the stream.
        except requests.RequestException as error:
            # Silence alone tells nothing: the read that follows finds out whether the member lives.
            if not _is_silence(error):
                self._members.rotate()
        finally:
            self._response = None


def _is_silence(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(error, requests.ReadTimeout) or isinstance(cause, urllib3.exceptions.ReadTimeoutError)
