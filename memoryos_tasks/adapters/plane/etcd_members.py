"""The members of an etcd cluster: a call that fails at one goes to the next."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from etcd3gw.client import Etcd3Client
from etcd3gw.exceptions import Etcd3Exception

from memoryos_tasks.core.errors import ConfigError, RegistryDown

T = TypeVar("T")

PORT = 2379


class EtcdMembers:
    """``first`` is the member that is asked first, ``timeout`` the limit (seconds) of a call to one member.

    Raises :class:`ConfigError` for addresses that are none.
    """

    def __init__(self, members: Sequence[str], *, timeout: float, first: int = 0) -> None:
        if not members:
            raise ConfigError(
                "sync.etcd: raft needs the addresses of the etcd members, like [127.0.0.1:2379].", param="sync.etcd")
        self._clients = [_client(member, timeout) for member in members]
        self._at = first % len(members)

    @property
    def current(self) -> Etcd3Client:
        """The member that is asked now."""
        return self._clients[self._at]

    def rotate(self) -> None:
        """Ask the next member from now on."""
        self._at = (self._at + 1) % len(self._clients)

    def call(self, ask: Callable[[Etcd3Client], T]) -> T:
        """The answer of the first member that gives one. What was asked may have been done by a member that gave no
        answer. Raises :class:`RegistryDown` when none does, or when the cluster refuses."""
        failed: Exception | None = None
        for _ in self._clients:
            at = self._at
            try:
                return ask(self._clients[at])
            except (Etcd3Exception, requests.RequestException) as error:
                failed = error
                if at == self._at:  # Else another thread has gone on already.
                    self.rotate()
        raise down(failed) from failed

    def transaction(
        self, compare: Sequence[Mapping[str, Any]], success: Sequence[Mapping[str, Any]],
        failure: Sequence[Mapping[str, Any]] = (),
    ) -> Any:
        """One transaction; see etcd's API for its parts. ``succeeded`` may be missing, as false is."""
        body: Any = {"compare": list(compare), "success": list(success), "failure": list(failure)}
        return self.call(lambda client: client.transaction(body))

    def close(self) -> None:
        for client in self._clients:
            client.session.close()


def _client(member: str, timeout: float) -> Etcd3Client:
    try:
        url = urlsplit(member if "://" in member else f"http://{member}")
        host, port = url.hostname, url.port or PORT
    except ValueError:
        host, port = None, PORT
    if not host or url.scheme not in ("http", "https"):
        raise ConfigError(
            f"sync.etcd: {member!r} is no address of an etcd member. Write host:port or https://host:port.",
            param="sync.etcd",
        )
    return Etcd3Client(host=host, port=port, protocol=url.scheme, timeout=timeout)


def down(error: Exception | None) -> RegistryDown:
    """What a failed call means."""
    refused = str(getattr(error, "detail_text", None) or "").strip()
    if refused:
        why = f"refuses: {refused[:200]}"
    elif isinstance(error, requests.Timeout):
        why = "does not answer in time"
    else:
        why = "cannot be reached: no member accepts a connection"
    return RegistryDown(
        f"The registry in etcd (sync.etcd) {why}. Try again when a majority of its members is up.", retry_after=1)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def put(key: str, value: str, lease: int = 0) -> dict[str, Any]:
    """A put as a part of a transaction."""
    return {"request_put": {"key": b64(key), "value": b64(value), "lease": lease}}


def get(key: str, end: str | None = None) -> dict[str, Any]:
    """A read as a part of a transaction, of one key or of all from it up to ``end``."""
    return {"request_range": {"key": b64(key), **({"range_end": b64(end)} if end else {})}}


def is_at(key: str, target: str, revision: int) -> dict[str, Any]:
    """A comparison: ``target`` is create or mod, and 0 a key that is not there."""
    return {"key": b64(key), "result": "EQUAL", "target": target.upper(), f"{target}_revision": revision}


def rows(answer: Any, index: int) -> list[tuple[str, dict[str, Any]]]:
    """Values and metadata of what the transaction's read of this index found."""
    found = answer.get("responses", [])[index].get("response_range", {}).get("kvs", [])
    return [(base64.b64decode(row.get("value", "")).decode(), row) for row in found]
