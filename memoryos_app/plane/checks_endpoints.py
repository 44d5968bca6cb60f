"""Checks of the registry and of every endpoint in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests

from memoryos_app.plane.checks import Check, fault, ok, warn
from memoryos_tasks.adapters.plane.open import look_registry
from memoryos_tasks.core.errors import ConfigError, MemoryOSError
from memoryos_tasks.core.plane.config import Endpoint, PlaneConfig
from memoryos_tasks.core.settings import Settings

#: Endpoints that are asked at a time.
_AT_ONCE = 16


def registry(config: PlaneConfig, settings: Settings) -> tuple[Check, tuple[Endpoint, ...]]:
    """Whether the registry is ready, and the endpoints in it."""
    try:
        found = look_registry(config, settings)
    except ConfigError as error:
        return fault("registry", error.message), ()
    except MemoryOSError as error:
        return fault("registry", f"The registry ({config.sync.mode}{_where(config)}) is not ready: {error.message} "
                                 f"Start it, or correct {_key(config)}."), ()
    return ok("registry", f"{config.sync.mode}{_where(config)} is ready, with {len(found)} endpoints"), found


def endpoints(found: Sequence[Endpoint]) -> Iterator[Check]:
    """Whether each endpoint can be reached from here, asked as its health probe asks."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        yield from pool.map(_reached, found)
    if not found:
        yield warn("endpoints", "There is none. Add models to the configuration, or register one (opcode 0x03).")


def _reached(endpoint: Endpoint) -> Check:
    where = _address(endpoint.url)
    name = f"{endpoint.model} at {where}"
    start = time.monotonic()
    try:
        said = _asked(endpoint)
    except (OSError, requests.RequestException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return warn("endpoint", f"{name} cannot be reached ({reason}). Start it or correct its URL ({endpoint.id}).")
    if said:
        return warn("endpoint", f"{name} {said} ({endpoint.id}).")
    return ok("endpoint", f"{name} answers in {(time.monotonic() - start) * 1000:.0f} ms")


def _asked(endpoint: Endpoint) -> str:
    """What is wrong, or nothing."""
    parts = urlsplit(endpoint.url)
    limit = endpoint.health.timeout
    if not endpoint.health.path:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=limit).close()
        return ""
    url = f"{parts.scheme}://{parts.netloc}/{endpoint.health.path.lstrip('/')}"
    with requests.Session() as session:
        session.trust_env = False
        with session.get(url, timeout=limit, stream=True, allow_redirects=False) as answer:
            if answer.status_code < 500:
                return ""
            return f"answers its health path with {answer.status_code}. Look at its log"


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _where(config: PlaneConfig) -> str:
    return f" at {', '.join(config.sync.etcd)}" if config.sync.mode == "raft" else ""


def _key(config: PlaneConfig) -> str:
    return {"raft": "sync.etcd", "redis": "REDIS_URL"}.get(config.sync.mode, "MEMORYOS_DATA_DIR")
