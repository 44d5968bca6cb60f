"""Run a stack in the foreground until a signal ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque

from memoryos_app.stack.plan import Plan
from memoryos_app.stack.ready import ask, base_url

#: After this (seconds) a start counts as slow and says what it waits for; it goes on.
SLOW_START = 60.0
#: The supervisor may take this long (seconds) to stop its programs, two groups one after the other.
STOP_LIMIT = 12.0


class Stack:
    """One running stack; ``run`` blocks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._signals = 0
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start, say when it is ready, and wait. The exit code: 0 after a signal, 1 when the supervisor died."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            # A SIGHUP that nohup has switched off stays off.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        tell(f"Starting {', '.join(each.name for each in self.plan.programs)} in {self.plan.data.path}")
        tell(f"Using {self.plan.stores}. Logs: {self.plan.data.path / 'logs'}")
        if self._signals:
            return 0
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "memoryos_app.stack.supervise", str(self.plan.supervisor_file), str(os.getpid())],
            env=self.plan.environ, stdin=subprocess.DEVNULL, start_new_session=True,
            pass_fds=(self.plan.data.lock,))
        self._await_ready(process)
        while process.poll() is None and not self._signals:
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                continue
        if not self._signals:
            tell(f"The supervisor stopped unexpectedly (exit code {process.returncode}), and all programs with it. "
                 f"Its log: {self.plan.data.log('supervisor')}")
            return 1
        return self._stop(process)

    def _on_signal(self, *_: object) -> None:
        self._signals += 1
        if self._signals > 1 and self._process is not None:
            self._process.kill()

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        started, warned = time.monotonic(), False
        while process.poll() is None and not self._signals:
            status, _ = ask(self.plan.host, self.plan.port, "/health/ready")
            if status == 200:
                tell(f"MemoryOS is ready on {base_url(self.plan.host, self.plan.port)}")
                return
            if not warned and time.monotonic() - started > SLOW_START:
                warned = True
                self._explain()
            time.sleep(0.1 if not warned else 1.0)

    def _explain(self) -> None:
        """Say what is not ready and show the ends of the logs that may tell why."""
        status, said = ask(self.plan.host, self.plan.port, "/health/status")
        what = f"says {said}" if said else "does not answer" if not status else f"answers {status}"
        tell(f"Not ready after {SLOW_START:.0f} s: the gateway {what}. Still trying; Ctrl-C stops.")
        names = ["gateway"] if not status else [each.name for each in self.plan.programs if each.name != "beat"]
        for name in names:
            path = self.plan.data.log(name)
            if path.is_file():
                with path.open(encoding="utf-8", errors="replace") as file:
                    tell(f"--- the end of {path}\n" + "".join(deque(file, maxlen=15)).rstrip())

    def _stop(self, process: subprocess.Popen[bytes]) -> int:
        tell("Stopping...")
        process.terminate()
        try:
            process.wait(timeout=STOP_LIMIT)
        except subprocess.TimeoutExpired:
            # The kernel ends the programs with it.
            process.kill()
            process.wait()
        tell("Stopped.")
        return 0


def tell(text: str) -> None:
    """One line for the terminal, which may be gone."""
    try:
        print(text, flush=True)
    except OSError:
        return
