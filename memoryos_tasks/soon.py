"""Doing a thing soon and once, however often it was asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Soon:
    """Calls ``action`` in a thread of its own, ``delay`` seconds after it was first asked for."""

    def __init__(self, action: Callable[[], None], *, delay: float) -> None:
        self._action = action
        self._delay = delay
        self._asked = threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have it done; asking again before it is done changes nothing."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="soon", daemon=True)
                self._thread.start()
        self._asked.set()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            time.sleep(self._delay)
            self._asked.clear()
            try:
                self._action()
            except Exception as error:
                log.error("soon_failed", exc_info=error)
