"""A thread of the gateway stays with a client that asks again at once, and with no other."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from memoryos_app.lingering import Worker


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's and the client's end of a connection."""
    server, client = socket.socketpair()
    with server, client:
        yield server, client


def made(monkeypatch: pytest.MonkeyPatch, server: socket.socket, answers: list[Any], *, connections: int = 1) -> Any:
    """A worker whose requests come to these answers, and its connection."""

    def handle(_: Any, conn: Any) -> Any:
        conn.sock.recv(1)
        return answers.pop(0)

    monkeypatch.setattr(ThreadWorker, "handle", handle)
    worker = object.__new__(Worker)
    worker.alive, worker.nr_conns, worker.cfg = True, connections, SimpleNamespace(threads=8)
    return worker, SimpleNamespace(sock=server, parser=SimpleNamespace(unreader=SimpleNamespace(buf=io.BytesIO())))


def test_requests_that_follow_at_once_are_answered_by_the_same_thread(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    # Given a client that has sent three requests, the last of which closes
    answers = [True, True, False]
    worker, conn = made(monkeypatch, pair[0], answers)
    pair[1].sendall(b"abc")
    # When the first is handled
    ended = worker.handle(conn)
    # Then all are
    assert (ended, answers) == (False, [])


def test_a_client_that_pauses_gives_its_thread_back(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    answers = [True, True]
    worker, conn = made(monkeypatch, pair[0], answers)
    pair[1].sendall(b"a")
    assert worker.handle(conn) is True
    assert answers == [True]


@pytest.mark.parametrize("why", ["many connections", "it stops", "bytes read ahead"])
def test_the_thread_goes_back_when_it_is_wanted_elsewhere(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket], why: str
) -> None:
    # Given a client that asks again at once
    answers = [True, True]
    worker, conn = made(monkeypatch, pair[0], answers, connections=5 if why == "many connections" else 1)
    worker.alive = why != "it stops"
    if why == "bytes read ahead":
        conn.parser.unreader.buf = io.BytesIO(b"G")
    pair[1].sendall(b"ab")
    # Then its second request is the main thread's to give away
    assert worker.handle(conn) is True
    assert answers == [True]
