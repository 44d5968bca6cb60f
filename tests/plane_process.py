"""The control plane as a process of its own, with a file and a log."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from servers import free_port


class PlaneProcess:
    """``python -m memoryos_app.mcp_server``; ``env`` says where its stores are."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.file = folder / "mcp_config.yaml"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**env, "PYTHONUNBUFFERED": "1"}
        self.running: subprocess.Popen[bytes] | None = None

    def configure(self, models: str, more: str = "") -> None:
        """Put another file in the place of the one that is there, whole."""
        new = self.folder / ".new"
        new.write_text(f"server: {{port: {self.port}}}\nmodels: [{models}]\n{more}")
        new.rename(self.file)

    def start(self) -> subprocess.Popen[bytes]:
        """Return at once."""
        with (self.folder / "plane.log").open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "memoryos_app.mcp_server", "--config", str(self.file)],
                env=self.env, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
        return self.running

    def end(self) -> None:
        """SIGKILL, if it still runs."""
        if self.running is not None and self.running.poll() is None:
            self.running.kill()
            self.running.wait()

    def log(self) -> str:
        """All that it has said."""
        return (self.folder / "plane.log").read_text()

    def children(self) -> list[int]:
        """The ids of all processes that have served, the latest last."""
        return [int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", self.log())]

    def get(self, path: str) -> Any:
        """The JSON of an answer; nothing when there is none."""
        try:
            return requests.get(self.url + path, timeout=5).json()
        except requests.RequestException:
            return {}

    def models(self) -> list[str]:
        """The names of the models."""
        return [each["name"] for each in self.get("/mcp/models").get("models", [])]

    def instances(self, model: str) -> int:
        """How many endpoints a model has."""
        return sum(each["model"] == model for each in self.get("/mcp/endpoints").get("endpoints", []))

    def health(self) -> str:
        """Its own word."""
        return str(self.get("/mcp/health").get("status", ""))
