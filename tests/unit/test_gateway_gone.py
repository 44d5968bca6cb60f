"""Who counts as gone: a client that closed its connection, and one that reads nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from memoryos_app import gone as module
from memoryos_app.gone import detector

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_closed_connection_is_noticed_and_a_quiet_or_talking_one_is_not(pair: Pair) -> None:
    ours, theirs = pair
    gone = detector({"gunicorn.socket": ours})
    assert not gone()
    theirs.sendall(b"the next request")
    assert not gone()
    assert ours.recv(100) == b"the next request"
    theirs.close()
    assert gone()
    ours.close()
    assert gone()


def test_without_a_socket_nobody_is_gone() -> None:
    assert not detector({})()


def test_a_client_that_reads_nothing_fails_the_send(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a bound of a second, and a client that does not read
    monkeypatch.setattr(module, "SEND_SECONDS", 1)
    ours, _ = pair
    detector({"gunicorn.socket": ours})
    # When more is sent than the kernel holds
    began = time.monotonic()
    with pytest.raises(BlockingIOError):
        ours.sendall(b"x" * 10_000_000)
    # Then the send gives up instead of waiting for ever
    assert 0.9 <= time.monotonic() - began < 5
