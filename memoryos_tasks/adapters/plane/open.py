"""The registry and the node of a configuration: which of the adapters ``sync.mode`` means."""

from __future__ import annotations

import os
import socket

import redis

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.election import LocalSeat, RedisSeat
from memoryos_tasks.adapters.plane.local_registry import FileStore
from memoryos_tasks.adapters.plane.nodes import ControlNode
from memoryos_tasks.adapters.plane.redis_registry import RedisStore
from memoryos_tasks.adapters.plane.shared_registry import SharedRegistry
from memoryos_tasks.adapters.plane.store import Store
from memoryos_tasks.adapters.redis.connections import truth as truth_of
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.config import Endpoint, PlaneConfig
from memoryos_tasks.core.plane.nodes import Pace, pace
from memoryos_tasks.core.plane.policy import Policy
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.plane.election import Seat
from memoryos_tasks.ports.plane.registry import Registry

#: Limit (seconds) of a call of the registry to one member of etcd.
CALL = 1.0
#: Whose file it is in local mode: there is one, however many processes read it.
LOCAL = "local"


def open_registry(
    config: PlaneConfig, settings: Settings, *, truth: redis.Redis | None = None, codec: Codec | None = None,
    seed: bool = True, policy: Policy | None = None,
) -> Registry:
    """The registry of this configuration, which knows the configured models and follows what the others do.

    ``policy`` is what this node's file says for all. ``seed=False``, for workers: take what the nodes say, and the
    file's models only where no node has said anything yet. Starts threads: call it after a fork.

    Raises :class:`Unavailable` when the store cannot be reached and :class:`ConfigError` when the settings do not fit
    together.
    """
    store, followers = _store(config, settings, truth)
    documents = Documents(codec or SealedCodec(FileVault(settings.vault_dir)), os.environ)
    node = LOCAL if config.sync.mode == "local" else node_id(config)
    registry = SharedRegistry(store, documents, node=node, followers=followers)
    try:
        registry.start()
        if seed or not registry.revision():
            registry.seed(config.models, policy)
    except Exception:
        registry.close()
        raise
    return registry


def look_registry(config: PlaneConfig, settings: Settings) -> tuple[Endpoint, ...]:
    """The endpoints in the registry's store, read once: no thread is started and nothing is written.

    Raises :class:`Unavailable` when the store cannot be reached and :class:`ConfigError`.
    """
    store, _ = _store(config, settings, None)
    try:
        catalogue, _ = Documents(SealedCodec(FileVault(settings.vault_dir)), os.environ).read(store.read().document)
    finally:
        store.close()
    return catalogue.endpoints()


def open_node(
    config: PlaneConfig, settings: Settings, registry: Registry, *, truth: redis.Redis | None = None
) -> ControlNode:
    """This process as a node; :meth:`ControlNode.start` joins. Raises :class:`ConfigError`."""
    at = _pace(config)
    return ControlNode(
        _seat(config, settings, at, truth), at, id=node_id(config),
        address=f"{config.server.host}:{config.server.port}", progress=registry.progress,
    )


def node_id(config: PlaneConfig) -> str:
    """The configured name, else host name and port: the same after a restart."""
    return config.sync.node_id or f"{socket.gethostname()}:{config.server.port}"


def _pace(config: PlaneConfig) -> Pace:
    sync = config.sync
    return pace(sync.heartbeat_interval, sync.election_timeout, whole_seconds=sync.mode == "raft")


def _store(config: PlaneConfig, settings: Settings, truth: redis.Redis | None) -> tuple[Store, int]:
    """The store, and how many threads follow it: Redis and a file have one voice, etcd one at each member."""
    sync = config.sync
    if sync.mode == "local":
        return FileStore(settings.data_dir / "plane" / "registry.json"), 1
    if sync.mode == "redis":
        return RedisStore(truth or truth_of(settings)), 1
    _need_etcd()
    from memoryos_tasks.adapters.plane.etcd_registry import EtcdStore

    store = EtcdStore(sync.etcd, sync.prefix, timeout=CALL, silence=max(1.0, sync.election_timeout))
    return store, min(sync.replication_workers, store.followers)


def _seat(config: PlaneConfig, settings: Settings, at: Pace, truth: redis.Redis | None) -> Seat:
    sync = config.sync
    if sync.mode == "local":
        return LocalSeat(settings.data_dir / "plane" / "scheduler.lock")
    if sync.mode == "redis":
        return RedisSeat(truth or truth_of(settings), lease_seconds=at.lease)
    _need_etcd()
    from memoryos_tasks.adapters.plane.etcd_lease import EtcdSeat

    return EtcdSeat(sync.etcd, sync.prefix, timeout=at.call, lease_seconds=at.lease)


def _need_etcd() -> None:
    """Its client is loaded only where it is used: the others start faster."""
    try:
        import etcd3gw  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "sync.mode: raft needs the package etcd3gw: pip install 'memoryos[etcd]', or choose redis.",
            param="sync.mode",
        ) from error
