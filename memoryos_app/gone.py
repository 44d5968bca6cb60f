"""Whether the client of the current request still listens."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

#: Seconds after which a client that takes nothing of what is sent counts as gone: it would hold a thread for ever.
SEND_SECONDS = 30


class ClientGone(Exception):
    """The client closed its connection; there is nobody to answer."""


def detector(environ: Mapping[str, Any]) -> Callable[[], bool]:
    """A cheap test for a closed connection; always False under servers that do not lend their socket.

    From here on a client that reads nothing for :data:`SEND_SECONDS` fails the send.
    """
    sock = environ.get("gunicorn.socket")
    if not isinstance(sock, socket.socket) or hasattr(sock, "context"):
        return lambda: False  # A TLS socket cannot be peeked at.
    with suppress(OSError):  # It is closed already.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
    poll = select.poll()
    poll.register(sock, select.POLLIN)

    def gone() -> bool:
        try:
            # Asking poll first keeps recv from waiting on a socket that has a timeout.
            return bool(poll.poll(0)) and sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except (OSError, ValueError):
            return True

    return gone
