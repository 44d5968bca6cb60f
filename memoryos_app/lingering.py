"""gunicorn's threads, which stay with a client that asks again at once."""

from __future__ import annotations

import select
import ssl
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

#: Milliseconds that a thread waits for the next request on its connection.
LINGER_MS = 2


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn hands a connection back to its main thread after each request, which hands it to a thread for the next:
    40 % of what a short request costs. A client that keeps its thread costs that only when it pauses."""

    def handle(self, conn: Any) -> Any:
        answer = super().handle(conn)
        while answer is True and self._asks_again(conn):
            answer = super().handle(conn)
        return answer

    def _asks_again(self, conn: Any) -> bool:
        # With many connections every thread is needed; bytes read ahead, and those inside TLS, are the main thread's.
        if not self.alive or 2 * self.nr_conns > self.cfg.threads or isinstance(conn.sock, ssl.SSLSocket):
            return False
        if conn.parser.unreader.buf.getvalue():
            return False
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(poll.poll(LINGER_MS))
