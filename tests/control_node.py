"""A control node as a process for tests: commands as JSON lines on standard input, answers on standard output.

Beside it, every few milliseconds, it notes whether it is the scheduler: lines "from to token" of the machine's
monotonic clock in ``<folder>/<id>-<pid>.terms``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog
from registry_contract import endpoint

from memoryos_tasks.adapters.plane.nodes import ControlNode
from memoryos_tasks.adapters.plane.open import open_node, open_registry
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.plane.config import PlaneConfig, Sync
from memoryos_tasks.core.plane.nodes import Term
from memoryos_tasks.core.settings import Settings

#: Seconds between two samples, and the most between two of one stretch.
SAMPLE, STRETCH = 0.002, 0.02


def watch(node: ControlNode, path: Path) -> None:
    """Note for ever when this process is the scheduler."""
    begun = last = 0.0
    token = 0
    with path.open("w", buffering=1) as out:
        while True:
            before = time.monotonic()
            term = node.term()
            now = term.token if term else 0
            if token and (now != token or before - last > STRETCH):
                out.write(f"{begun:.4f} {last:.4f} {token}\n")
                token = 0
            if now:
                if not token:
                    begun, token = before, now
                last = before
            time.sleep(SAMPLE)


def main(folder: Path, id: str, members: tuple[str, ...]) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    sync = Sync(mode="raft", etcd=members, prefix="/test", node_id=id, replication_workers=3)
    config = PlaneConfig(models=(endpoint("configured"),), sync=sync)
    settings = Settings(data_dir=folder)
    registry = open_registry(config, settings)
    node = open_node(config, settings, registry)
    node.start()
    threading.Thread(target=watch, args=(node, folder / f"{id}-{os.getpid()}.terms"), daemon=True).start()

    def held(_: str) -> int:
        term = node.term()
        return term.token if term else 0

    commands: dict[str, Callable[[str], Any]] = {
        "nodes": lambda _: [asdict(each) for each in node.nodes()],
        "models": lambda _: sorted(each.url for each in registry.endpoints()),
        "put": lambda name: registry.put(endpoint(name)),
        "held": held,
        "put_as": lambda said: registry.put(endpoint(said.split()[0]), term=Term(id, int(said.split()[1]))),
    }
    print(json.dumps({"answer": "ready"}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told: dict[str, Any] = {"answer": commands[asked["command"]](asked["value"])}
        except MemoryOSError as error:
            told = {"error": error.code}
        print(json.dumps(told), flush=True)
    node.close()
    registry.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], tuple(sys.argv[3:]))
