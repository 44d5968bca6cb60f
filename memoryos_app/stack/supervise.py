"""The supervisor's own process: ``python -m memoryos_app.stack.supervise CONFIGURATION PARENT``.

supervisord as it is, with three differences: it dies with its parent, it looks at its programs every fifth of a second
(not every second), and the pause before another start stays bounded (its own grows by a second each time).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from supervisor import events
from supervisor.medusa import asyncore_25
from supervisor.options import ServerOptions
from supervisor.poller import Poller
from supervisor.supervisord import Supervisor

from memoryos_app.stack import leash

#: The longest wait (seconds) between two looks at the programs; supervisord's own is a second.
TICK = 0.2
#: The longest pause (seconds) before a program that keeps dying is started again.
LONGEST_PAUSE = 15
#: Tells the parent that all programs that had died run again.
ALL_BACK = signal.SIGUSR1

#: Names of the programs that died and do not run yet.
_away: set[str] = set()


class Keeper(Supervisor):  # type: ignore[misc]
    """A supervisord that tells the terminal in one line what died, and always starts it again."""

    def runforever(self) -> None:
        """Start all programs, then watch them until a signal ends this."""
        events.subscribe(events.ProcessStateBackoffEvent, bound_pause)
        events.subscribe(events.ProcessStateExitedEvent, report)
        events.subscribe(events.ProcessStateRunningEvent, back)
        super().runforever()


class Brisk(Poller):  # type: ignore[misc]
    """Supervisord's wait for output, with an end soon enough that starts, deaths and signals are not held up."""

    def poll(self, timeout: float) -> Any:
        """The readable and writable descriptors."""
        return super().poll(min(timeout, TICK))


def bound_pause(event: Any) -> None:
    """Pause 0, 1, 2, … seconds, at most :data:`LONGEST_PAUSE`, after a death right at the start."""
    pause = min(event.process.backoff - 1, LONGEST_PAUSE)
    event.process.delay = time.time() + pause
    _away.add(event.process.config.name)
    if event.process.backoff in (1, 5):
        tell(f"{event.process.config.name} stopped right after its start; trying again.", event.process)


def report(event: Any) -> None:
    """Say on the terminal that a program died and is started again."""
    _away.add(event.process.config.name)
    tell(f"{event.process.config.name} stopped unexpectedly; starting it again.", event.process)


def back(event: Any) -> None:
    """Signal the parent when the last program that was away runs again."""
    if event.process.config.name in _away:
        _away.remove(event.process.config.name)
        if not _away:
            os.kill(os.getppid(), ALL_BACK)


def tell(text: str, process: Any) -> None:
    """One line for the terminal, which may be gone."""
    try:
        print(f"{text} Its log: {process.config.stdout_logfile}", flush=True)
    except OSError:
        return


def main(argv: list[str]) -> None:
    """Run until SIGTERM; all programs have ended when this returns."""
    configuration, parent = argv
    leash.tie(int(parent))
    os.environ[leash.PARENT] = str(os.getpid())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    options = ServerOptions()
    options.realize(["-c", configuration])
    options.poller.close()
    options.poller = Brisk(options)
    options.first = True
    options.test = False
    try:
        Keeper(options).main()
    except asyncore_25.ExitNow:
        options.close_logger()


if __name__ == "__main__":
    main(sys.argv[1:])
