"""Connections whose every read is short: between two of them the call's limits and its cancelling are looked at.

A socket's timeout is set once for an exchange, and what timed out can not be read on. So the file that http.client
reads an answer from is one that waits a moment, asks whether to go on, and waits again: for the headers, for a piece of
a chunk's length and for the body alike.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import requests.adapters
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

#: Seconds between two looks whether the read may go on.
LOOK = 0.2
#: Bytes that are read at a time, at most.
BUFFER = 65_536


class Limit(Protocol):
    """What bounds the reads of one answer."""

    def begin(self) -> None:
        """A wait for the next bytes begins."""

    def read(self) -> float:
        """Seconds that it may still take. Raises what ends the call when it may take none."""

    def rest(self, since: float) -> float:
        """Seconds for which nothing is read, when something was at ``since`` (time.monotonic()); mostly 0."""


_call = threading.local()


class Adapter(requests.adapters.HTTPAdapter):
    """Reads the answers to what a thread sends in :class:`limited`, headers and body, under its limit."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


@contextmanager
def limited(limit: Limit) -> Iterator[None]:
    """The answers to what this thread sends in here are read under ``limit``."""
    _call.limit = limit
    try:
        yield
    finally:
        del _call.limit


class _File(io.RawIOBase):
    """The answer's bytes. ``held`` keeps the socket open, whatever its connection does, until this is closed."""

    def __init__(self, sock: socket.socket, held: io.RawIOBase, limit: Limit) -> None:
        self._sock = sock
        self._held = held
        self._limit = limit
        self._timeout = -1.0
        self._heard = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._limit.begin()
        if rest := self._limit.rest(self._heard):
            time.sleep(rest)
        while True:
            timeout = min(self._limit.read(), LOOK)
            if timeout != self._timeout:
                self._sock.settimeout(timeout)
                self._timeout = timeout
            try:
                read = self._sock.recv_into(buffer)
            except TimeoutError:
                continue
            self._heard = time.monotonic()
            return read

    def close(self) -> None:
        if not self.closed:
            self._held.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        limit = getattr(_call, "limit", None)
        if limit is not None:
            self.fp = io.BufferedReader(_File(sock, self.fp.detach(), limit), BUFFER)


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
