"""A plane over two gateways: one in the system's own, one alone beside it, on the same stores and workers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from acceptance.system import ROOT, System, free_port, until


def plane_file(path: Path, urls: list[str], *, port: int, **sections: Mapping[str, Any]) -> Path:
    """A configuration (JSON is YAML) of one model with these endpoints."""
    models = [{"name": "glm", "endpoint": url, "token": "t"} for url in urls]
    path.write_text(json.dumps({"server": {"host": "127.0.0.1", "port": port}, "models": models, **sections}))
    return path


@contextmanager
def two_gateways(
    make_system: Callable[..., System], folder: Path, urls: list[str], **sections: Mapping[str, Any]
) -> Iterator[tuple[System, list[str]]]:
    """A running system and the addresses of its two gateways, once both are ready."""
    port = free_port()
    file = plane_file(folder / "mcp_config.yaml", urls, port=port, **sections)
    system = make_system({"MEMORYOS_MCP_CONFIG": str(file)})
    command = [sys.executable, "-m", "memoryos_app.mcp_server", "--config", str(file)]
    with (folder / "mcp.log").open("w") as log:
        alone = subprocess.Popen(command, cwd=ROOT, env=system.environment, stdout=log, stderr=subprocess.STDOUT)
        both = [system.url, f"http://127.0.0.1:{port}"]
        try:
            for url in both:
                until(lambda url=url: _ready(url), seconds=30, what=f"the plane at {url} is ready")
            yield system, both
        finally:
            alone.terminate()
            alone.wait(timeout=40)


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/mcp/health", timeout=5).json().get("status") == "ready"
    except (requests.RequestException, ValueError):
        return False


def original_client(url: str, prompt: str) -> str:
    """The original's own client: three tries, exponential backoff, the text. Raises what the last try raised."""
    for attempt in range(3):
        try:
            answer = requests.post(f"{url}/inference", json={"prompt": prompt}, timeout=30)
            answer.raise_for_status()
            return str(answer.json()["text"])
        except requests.RequestException:
            if attempt == 2:
                raise
            time.sleep(2**attempt)
    raise AssertionError("the last try answers or raises")
