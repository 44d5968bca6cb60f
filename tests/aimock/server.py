"""aimock, an independent stand-in for seven vendors, in a process of its own.

``npm ci`` in this folder installs it; ``scripts/test`` does so where npm is there.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import requests
from acceptance.system import free_port

HERE = Path(__file__).resolve().parent
PROGRAM = HERE / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
START_SECONDS = 20.0


def missing() -> str:
    """Why it cannot be started; empty when it can."""
    if shutil.which("node") is None:
        return "node is not installed, and aimock runs on it"
    if not PROGRAM.exists():
        return "aimock is not installed: run npm ci in tests/aimock"
    return ""


class AiMock:
    """Serves fixtures.json, in every dialect, between ``with`` and its end."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AiMock:
        port = self.url.rpartition(":")[2]
        command = ["node", str(PROGRAM), "--port", port, "--fixtures", str(HERE / "fixtures.json"),
                   "--strict", "--validate-on-load", "--log-level", "silent"]  # fmt: skip
        self._process = subprocess.Popen(command)
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise AssertionError("aimock did not get ready")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=10)

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/ready", timeout=1).status_code == 200
        except requests.RequestException:
            return False
