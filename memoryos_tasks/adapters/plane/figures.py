"""How busy each node and worker is, as they say themselves: a hash in the traffic role that each keeps fresh."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import redis
import structlog

from memoryos_tasks.adapters.plane.machine import Machine
from memoryos_tasks.adapters.redis.connections import traffic_errors
from memoryos_tasks.adapters.redis.keyspace import observed
from memoryos_tasks.core.errors import TrafficDown
from memoryos_tasks.core.plane.node_figures import NodeFigures

log = structlog.get_logger(__name__)

#: Seconds between two words of a node, and after its last one that its figures count for nothing.
TELL_SECONDS = 5.0
GONE_SECONDS = 20.0


class RedisFigures:
    """Raises :class:`TrafficDown`."""

    def __init__(self, traffic: redis.Redis, machine: Machine) -> None:
        self._redis = traffic
        self._machine = machine

    def tell(self, node: str) -> None:
        """Say how busy this machine and process are."""
        figures = asdict(self._machine.look())
        with traffic_errors():
            self._redis.hset(observed("figures"), node, json.dumps({"at": self._now(), **figures}))

    def all(self) -> Mapping[str, NodeFigures]:
        """The figures of all that were heard of lately, by name; the others are forgotten."""
        with traffic_errors():
            rows: Any = self._redis.hgetall(observed("figures"))
            now = self._now()
            told = {node: json.loads(row) for node, row in rows.items()}
            gone = [node for node, row in told.items() if now - row.pop("at") > GONE_SECONDS]
            if gone:
                self._redis.hdel(observed("figures"), *gone)
        return {node: NodeFigures(**row) for node, row in sorted(told.items()) if node not in gone}

    def _now(self) -> float:
        """One clock for all machines: Redis' own."""
        seconds, micros = self._redis.time()
        return float(seconds) + float(micros) / 1e6


class Telling:
    """Tells the figures of a node from a thread of its own until it is stopped. Start it after a fork."""

    def __init__(self, figures: RedisFigures, node: str, *, period: float = TELL_SECONDS) -> None:
        self._figures = figures
        self._node = node
        self._period = period
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plane-figures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was said last is forgotten after some seconds."""
        self._stopping.set()

    def _run(self) -> None:
        while True:
            try:
                self._figures.tell(self._node)
            except TrafficDown as error:
                log.debug("plane_figures_not_told", code=error.code)
            except Exception as error:
                log.error("plane_figures_failed", exc_info=error)
            if self._stopping.wait(self._period):
                return
