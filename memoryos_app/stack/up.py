"""Run a stack in the foreground until a signal ends it."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from typing import Any

from memoryos_app.stack.plan import Plan
from memoryos_app.stack.ready import ask, base_url
from memoryos_app.stack.supervise import ALL_BACK

#: Stores that do not answer are named after this (seconds).
STORES_LATE = 5.0
#: After this (seconds) a start counts as slow and says what it waits for; it goes on.
SLOW_START = 60.0
#: A dead worker counts for up to 5 s, so readiness is believed only this long (seconds) after the last restart; the
#: supervisor calls a program back a second after its start.
SETTLED = 4.0
#: The supervisor may take this long (seconds) to stop its programs, two groups one after the other.
STOP_LIMIT = 14.0


class Stack:
    """One running stack; ``run`` blocks."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._signals = 0
        self._back = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start, say when it is ready, and wait. The exit code: 0 after a signal, 1 when the supervisor died."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            # A SIGHUP that nohup has switched off stays off.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        signal.signal(ALL_BACK, self._on_back)
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
                self._say_ready_again()
        if not self._signals:
            tell(f"The supervisor stopped unexpectedly (exit code {process.returncode}), and all programs with it. "
                 f"Its log: {self.plan.data.log('supervisor')}")
            return 1
        return self._stop(process)

    def _on_signal(self, *_: object) -> None:
        self._signals += 1
        if self._signals > 1 and self._process is not None:
            self._process.kill()

    def _on_back(self, *_: object) -> None:
        self._back = time.monotonic()

    def _say_ready_again(self) -> None:
        if not self._back or time.monotonic() - self._back < SETTLED:
            return
        if ask(self.plan.host, self.plan.port, "/health/ready")[0] == 200:
            self._back = 0.0
            tell("MemoryOS is ready again.")

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        started, warned, named = time.monotonic(), False, False
        while process.poll() is None and not self._signals:
            status, said = ask(self.plan.host, self.plan.port, "/health/ready")
            if status == 200:
                self._back = 0.0
                tell(f"MemoryOS is ready on {base_url(self.plan.host, self.plan.port)}")
                self._say_who_may_call()
                return
            if not named and time.monotonic() - started > STORES_LATE:
                named = self._name_stores(said)
            if not warned and time.monotonic() - started > SLOW_START:
                warned = True
                self._explain()
            time.sleep(0.1 if not warned else 1.0)

    def _say_who_may_call(self) -> None:
        everywhere = self.plan.host in ("0.0.0.0", "", "::", "[::]")
        if everywhere:
            tell("It listens on all addresses of this machine.")
        if self.plan.keys:
            home = shlex.quote(str(self.plan.data.path))
            tell(f"API keys are required. To make one: MEMORYOS_DATA_DIR={home} memoryos keys create --tenant NAME")
        elif everywhere:
            tell("API keys are off: anyone who reaches it reads all memory.")

    def _name_stores(self, said: Any) -> bool:
        """Say which stores the gateway misses; False when it misses none or cannot be asked yet."""
        missing = said.get("missing", []) if isinstance(said, dict) else []
        stores = [name for name in ("truth", "traffic") if name in missing]
        if stores:
            tell(f"Still waiting for {' and '.join(stores)} to answer ({self.plan.stores}). Ctrl-C stops.")
        return bool(stores)

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
