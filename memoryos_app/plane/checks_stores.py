"""Checks of the two Redis roles: reachable, kept safe, read by workers, of one clock with this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import redis

from memoryos_app.plane.checks import Check, fault, ok, warn
from memoryos_app.stack.port import address
from memoryos_tasks.adapters.plane.files import VARIABLE
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.connections import traffic, truth
from memoryos_tasks.adapters.redis.presence import Presence, claim_vault
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.queues import CHAT, QUEUES, VECTORS

#: Seconds by which this clock may differ from Redis'; leases and tokens count in seconds.
SKEW_SECONDS = 1.0
#: The oldest Redis that has what the scripts use.
OLDEST_REDIS = (6, 2)
#: Seconds that a store has to answer a check.
PATIENCE = 2.0


class Stores:
    """The two roles, asked once and within :data:`PATIENCE`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = replace(settings, redis=replace(settings.redis, timeout=min(PATIENCE, settings.redis.timeout)))
        self._truth, self._traffic = truth(self._settings), traffic(self._settings)

    def close(self) -> None:
        """Hang up; what was forked off later must not share a connection."""
        self._truth.close()
        self._traffic.close()

    def reachable(self) -> Iterator[Check]:
        """Whether both answer."""
        urls = self._settings.redis
        yield _answers("broker", self._traffic, urls.traffic_url, "CELERY_BROKER_URL")
        yield _answers("store", self._truth, urls.truth_url, "REDIS_URL")

    def vault(self) -> Check:
        """Whether the keys here are those of the texts in the store."""
        try:
            vault = FileVault(self._settings.vault_dir)
            claim_vault(self._truth, vault.identity, vault.path)
        except MemoryOSError as error:
            return fault("vault", error.message)
        return ok("vault", f"the keys in {vault.path} are those of the store")

    def safe(self) -> Iterator[Check]:
        """Whether the store of record keeps what it says it has kept."""
        try:
            info: Any = self._truth.info()
        except redis.RedisError as error:
            yield warn("store", f"It does not say how it is set up ({type(error).__name__}), so it is unknown whether "
                                "it keeps what it is given. See to appendonly yes, appendfsync always, noeviction.")
            return
        version = str(info.get("redis_version", "0.0"))
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
            yield fault("store", f"It is Redis {version}, and {'.'.join(map(str, OLDEST_REDIS))} or newer is needed. "
                                 "Update it.")
        wrong = [] if info.get("aof_enabled") else ["appendonly yes"]
        # Services that others run keep CONFIG closed, and do not say.
        with suppress(redis.ResponseError):
            said: Any = self._truth.config_get("appendfsync")
            wrong += [] if said.get("appendfsync") == "always" else ["appendfsync always"]
        wrong += [] if info.get("maxmemory_policy") == "noeviction" else ["maxmemory-policy noeviction"]
        if wrong:
            yield warn("store", f"A kill or a full memory may lose what was acknowledged: set {', '.join(wrong)} "
                                "in its redis.conf.")
        else:
            yield ok("store", f"Redis {version}, written to disk, evicts nothing")

    def plane(self) -> Iterator[Check]:
        """For who gave no file of a plane: whether there is one all the same."""
        try:
            if self._truth.exists(keyspace.PLANE_REGISTRY):
                yield warn("plane", "a control plane keeps its endpoints in this store. Give its file with --config "
                                    f"(or in {VARIABLE}) to have them examined.")
        except redis.RedisError as error:
            yield fault("plane", f"the store does not tell whether there is one ({_reason(error)}). Try again.")

    def clock(self) -> Check:
        """How far this machine's clock is from Redis', which the leases go by."""
        try:
            before = time.time()
            seconds, micros = self._traffic.time()
            after = time.time()
        except redis.RedisError as error:
            return warn("clock", f"cannot be compared, since the broker does not answer ({type(error).__name__}).")
        # Redis read its clock at some time in between.
        skew = (before + after) / 2 - (float(seconds) + float(micros) / 1e6)
        if abs(skew) > SKEW_SECONDS + (after - before) / 2:
            side = "ahead of" if skew > 0 else "behind"
            return warn("clock", f"This machine's clock is {abs(skew):.1f} s {side} Redis'. Set both by NTP.")
        return ok("clock", f"{abs(skew) * 1000:.0f} ms from Redis'")

    def consumed(self, queues: tuple[str, ...] = ()) -> Iterator[Check]:
        """Whether every queue (or each of these) has a worker that is warm."""
        try:
            workers = Presence(self._traffic).workers()
            waiting = {queue: int(self._traffic.llen(queue)) for queue in QUEUES}
        except (MemoryOSError, redis.RedisError):
            yield warn("queues", "cannot be looked at, since the broker does not answer.")
            return
        served = {queue for worker in workers if worker.warm for queue in worker.queues}
        for queue in queues or _needed(self._settings):
            if queue in served:
                continue
            said = f"The queue {queue!r} has no consumer, and {waiting[queue]} messages wait in it"
            start = "celery -A memoryos_tasks worker" + ("" if queue == VECTORS else f" -Q {queue}")
            yield warn("queues", f"{said}. Start a worker: {start}")
        missing = set(queues or _needed(self._settings)) - served
        if not missing:
            yield ok("queues", f"each has a consumer; {len(workers)} workers in all")


def inference(stores: Stores) -> Iterator[Check]:
    """Whether a worker runs inferences; without one they are answered 503."""
    return stores.consumed((CHAT,))


def _needed(settings: Settings) -> tuple[str, ...]:
    """The embedded vector store has an owner with a queue of its own; a server needs none, nor does no store."""
    embedded = not settings.vectors.url and settings.vectors.engine != "none"
    return tuple(queue for queue in QUEUES if queue != VECTORS or embedded)


def _answers(what: str, client: redis.Redis, url: str, variable: str) -> Check:
    where = address(url)
    try:
        client.ping()
    except redis.AuthenticationError:
        return fault(what, f"Redis at {where} refuses the password. Correct it in {variable}.")
    except (redis.RedisError, OSError, ValueError) as error:
        return fault(what, f"No Redis answers at {where} ({_reason(error)}). Start it ('memoryos up' starts one), or "
                           f"name another with {variable}.")
    return ok(what, f"Redis answers at {where}")


def _reason(error: Exception) -> str:
    with suppress(AttributeError, IndexError):
        cause = error.__cause__ or error.__context__
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return type(error).__name__
