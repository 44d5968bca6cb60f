"""The parts of a worker that serve the control plane; :mod:`memoryos_tasks.bootstrap` puts them among the others."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import redis

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.plane.budget import RedisBudget
from memoryos_tasks.adapters.plane.files import VARIABLE, Loaded, without_file
from memoryos_tasks.adapters.plane.leases import Leases
from memoryos_tasks.adapters.plane.open import open_registry
from memoryos_tasks.adapters.plane.plan import Rules
from memoryos_tasks.adapters.plane.probes import Probes
from memoryos_tasks.adapters.plane.providers import EndpointProviders
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.adapters.plane.scheduler import RedisScheduler
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import truth_errors
from memoryos_tasks.core.plane.config import PlaneConfig
from memoryos_tasks.core.plane.records import InferenceRecord
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Ledger
from memoryos_tasks.ports.plane.registry import Registry
from memoryos_tasks.ports.runs import Runs
from memoryos_tasks.services.answering import Limits
from memoryos_tasks.services.chat import Chats
from memoryos_tasks.services.plane.answers import PlaneAnswers
from memoryos_tasks.services.plane.inference import Inference
from memoryos_tasks.services.work import Keeper


class WorkersPlane:
    """Endpoints and rules as this process knows them; opened on first use, after the fork.

    Without ``MEMORYOS_MCP_CONFIG`` the endpoints and the policy are those of the registry in Redis.
    """

    def __init__(self, live: LiveSettings, truth: redis.Redis, codec: Codec) -> None:
        self._settings = live
        self._truth = truth
        self._codec = codec
        self._lock = threading.Lock()
        self._file: LivePlane | None = None
        self._registry: Registry | None = None

    @cached_property
    def _alone(self) -> Loaded:
        return without_file(os.environ)

    @property
    def config(self) -> PlaneConfig:
        """The configuration in force: this process' own until the registry has been opened. Raises
        :class:`ConfigError`."""
        policy = self._registry.policy() if self._registry is not None else None
        return (self._followed() or self._alone).under(policy)

    def _followed(self) -> LivePlane | None:
        if not os.environ.get(VARIABLE):
            return None
        with self._lock:
            if self._file is None:
                self._file = LivePlane(os.environ)
                self._file.watch()
            return self._file

    def rules(self) -> Rules:
        """How endpoints are chosen and isolated."""
        config = self.config
        return Rules(config.scheduling, config.breaker)

    def registry(self) -> Registry:
        """Raises :class:`Unavailable` when the shared store cannot be reached, and :class:`ConfigError`."""
        if self._registry is None:
            config = self.config
            with self._lock:
                if self._registry is None:
                    self._registry = open_registry(
                        config, self._settings.current, truth=self._truth, codec=self._codec, seed=False)
        return self._registry

    def used(self) -> bool:
        """Whether there is a plane at all: who has none shall not follow its registry. Raises :class:`TruthDown`."""
        if self._registry is not None or os.environ.get(VARIABLE):
            return True
        with truth_errors():
            return bool(self._truth.exists(keyspace.PLANE_REGISTRY))


@dataclass(frozen=True)
class PlaneParts:
    """What the plane's tasks call."""

    plane: WorkersPlane
    runs: Chats
    scheduler: RedisScheduler
    probes: Probes


def plane_parts(
    live: LiveSettings,
    truth: redis.Redis,
    traffic: redis.Redis,
    codec: Codec,
    ledger: Ledger,
    runs: Runs,
    keeper: Keeper,
    limits: Limits,
    note: Callable[[InferenceRecord], None],
    sensitive: Callable[[str], bool],
) -> PlaneParts:
    """Wire them; opens no connection. ``sensitive`` tells texts that only endpoints in house may see."""
    plane = WorkersPlane(live, truth, codec)
    leases = Leases(traffic)
    scheduler = RedisScheduler(traffic, plane.rules, leases=leases)
    providers = EndpointProviders(lambda: plane.config.scheduling.batch_wait)
    inference = Inference(
        lambda: plane.registry().endpoints(), scheduler, RedisBudget(traffic, plane.rules, leases=leases), providers,
        note, keeps=sensitive)
    answers = PlaneAnswers(runs, inference, lambda: plane.config.mcp.timeout)
    return PlaneParts(plane, Chats(ledger, runs, answers, keeper, limits), scheduler, Probes(traffic))
