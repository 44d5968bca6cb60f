"""Which workers are there, and what they serve: a hash in the traffic role that each keeps fresh."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import redis

from memoryos_tasks.adapters.redis.connections import traffic_errors, truth_errors
from memoryos_tasks.adapters.redis.keyspace import VAULT, VECTOR_STORE, WORKERS
from memoryos_tasks.core.errors import ConfigError, TruthDown

#: Seconds after its last word that a worker counts as gone.
GONE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker process. ``vectors`` is "owner", "client" or "server"; ``seen_at`` is Redis' time in seconds, UTC."""

    name: str
    pid: int
    queues: tuple[str, ...]
    warm: bool
    vectors: str
    models: tuple[str, ...]
    seen_at: float


class Presence:
    """Raises :class:`TrafficDown` when the traffic store cannot be reached."""

    def __init__(self, traffic: redis.Redis) -> None:
        self._redis = traffic

    def announce(self, worker: WorkerInfo) -> None:
        """Say that this worker is there."""
        with traffic_errors():
            seen = replace(worker, seen_at=self._now())
            self._redis.hset(WORKERS, worker.name, json.dumps(asdict(seen)))

    def leave(self, name: str) -> None:
        """Say that this worker has gone."""
        with traffic_errors():
            self._redis.hdel(WORKERS, name)

    def workers(self) -> list[WorkerInfo]:
        """The workers heard of lately; the others are forgotten."""
        with traffic_errors():
            rows: Any = self._redis.hgetall(WORKERS)
            now, found = self._now(), []
            for name, row in rows.items():
                fields = json.loads(row)
                if now - fields["seen_at"] > GONE_SECONDS:
                    if now - fields["seen_at"] > 60:
                        self._redis.hdel(WORKERS, name)
                    continue
                fields.update(queues=tuple(fields["queues"]), models=tuple(fields["models"]))
                found.append(WorkerInfo(**fields))
        return found

    def _now(self) -> float:
        """One clock for all machines: Redis' own."""
        seconds, micros = self._redis.time()
        return float(seconds) + float(micros) / 1e6


def claim_store(truth: redis.Redis, identity: str) -> bool:
    """Whether the embedded store of this identity is the one of this truth; the first to ask is.

    False too while the truth cannot be reached: who cannot tell does not own.
    """
    try:
        with truth_errors():
            truth.set(VECTOR_STORE, identity, nx=True)
            return bool(truth.get(VECTOR_STORE) == identity)
    except TruthDown:
        return False


def claim_vault(truth: redis.Redis, identity: str, where: Path) -> None:
    """Make sure that the keys of the vault at ``where`` seal the texts of this truth; the first to come settles it.

    Raises :class:`ConfigError` when it is another one: what this process stored could be read by no other, nor what
    others stored by it. Nothing is said while the truth cannot be reached, since nothing can be stored then.
    """
    try:
        with truth_errors():
            truth.set(VAULT, identity, nx=True)
            known = truth.get(VAULT)
    except TruthDown:
        return
    if known != identity:
        raise ConfigError(
            f"vault.path: the keys in {where} are not those of the texts in the store of record. Give the "
            "directory that all processes of the deployment share, or restore it from its backup.", param="vault.path",
        )
