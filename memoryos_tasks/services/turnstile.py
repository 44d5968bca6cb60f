"""One at a time; who comes meanwhile is served by the one inside."""

from __future__ import annotations

import threading


class Turnstile:
    """Lets one thread do a thing that does all there is to do; whoever comes meanwhile leaves a note and goes."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._busy = False
        self._again = False

    def enter(self) -> bool:
        """Whether to go in; if not, the one inside does it once more."""
        with self._guard:
            if self._busy:
                self._again = True
                return False
            self._busy = True
            return True

    def leave(self) -> bool:
        """Whether to go; if not, somebody came meanwhile: do it once more."""
        with self._guard:
            if self._again:
                self._again = False
                return False
            self._busy = False
            return True

    def abandon(self) -> None:
        """Go because of a failure; who came meanwhile comes back with the sweeper."""
        with self._guard:
            self._busy = self._again = False
