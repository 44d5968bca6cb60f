"""A real etcd cluster on this machine for tests; the binary is Debian's ``etcd-server`` or any other on PATH."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from requests import RequestException
from waiting import until

etcd3gw = pytest.importorskip("etcd3gw", reason="the package etcd3gw is not installed (pip install 'memoryos[etcd]')")
Etcd3Exception = pytest.importorskip("etcd3gw.exceptions").Etcd3Exception


def find_etcd() -> str:
    """The binary; skips the test where there is none."""
    found = shutil.which("etcd")
    if found is None:
        pytest.skip("there is no etcd on PATH (Debian: apt install etcd-server)")
    return found


class Cluster:
    """``size`` members, each a process with a log and a data directory in ``folder``."""

    def __init__(self, folder: Path, size: int) -> None:
        self._binary = find_etcd()
        self._folder = folder
        ports = _free_ports(2 * size)
        self._ports = list(zip(ports[::2], ports[1::2], strict=True))
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(f"127.0.0.1:{port}" for port, _ in self._ports)

    def __enter__(self) -> Cluster:
        for index in range(len(self._ports)):
            self.start(index)
        self.settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for index in list(self._running):
            self.kill(index)

    def client(self, index: int) -> Any:
        """A client of one member alone."""
        return etcd3gw.Etcd3Client(host="127.0.0.1", port=self._ports[index][0], timeout=2)

    def start(self, index: int) -> None:
        """Start a member, with the data that it has."""
        port, peers = self._ports[index]
        all_peers = ",".join(f"m{at}=http://127.0.0.1:{peer}" for at, (_, peer) in enumerate(self._ports))
        command = [
            self._binary, "--name", f"m{index}", "--data-dir", str(self._folder / f"m{index}"),
            "--listen-client-urls", f"http://127.0.0.1:{port}", "--advertise-client-urls", f"http://127.0.0.1:{port}",
            "--listen-peer-urls", f"http://127.0.0.1:{peers}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peers}",
            "--initial-cluster", all_peers, "--initial-cluster-state", "new", "--log-level", "error",
        ]
        with (self._folder / f"m{index}.log").open("ab") as log:
            self._running[index] = subprocess.Popen(command, stdout=log, stderr=log)

    def settle(self) -> None:
        """Until every running member answers through the majority."""
        for index in list(self._running):
            until(lambda index=index: self._answers(index), seconds=30, what=f"etcd member {index} answers")

    def leader(self) -> int:
        """The index of the member that leads."""
        def look() -> int | None:
            for index in self._running:
                try:
                    told = self.client(index).status()
                except (Etcd3Exception, RequestException):
                    continue
                if told.get("leader") == told["header"]["member_id"]:
                    return index + 1
            return None

        return until(look, seconds=15, what="a member leads") - 1

    def kill(self, index: int) -> None:
        process = self._running.pop(index)
        process.kill()
        process.wait(timeout=10)

    def freeze(self, index: int) -> None:
        """The member keeps its connections and says nothing more."""
        self._running[index].send_signal(signal.SIGSTOP)

    def thaw(self, index: int) -> None:
        self._running[index].send_signal(signal.SIGCONT)

    def compact(self) -> None:
        """Forget all history up to now."""
        client = self.client(next(iter(self._running)))
        revision = client.post(client.get_url("/kv/range"), json={"key": "AA=="})["header"]["revision"]
        client.post(client.get_url("/kv/compaction"), json={"revision": revision, "physical": True})

    def _answers(self, index: int) -> bool:
        try:
            self.client(index).get("ready")
        except (Etcd3Exception, RequestException):
            return False
        return True


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
