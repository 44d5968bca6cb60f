"""API keys: stored hashed, each bound to a tenant and optionally to one of its users."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import redis

from memoryos_tasks.adapters.redis.connections import truth_errors
from memoryos_tasks.adapters.redis.keyspace import API_KEYS, TENANT
from memoryos_tasks.core.errors import InvalidRequest

#: How every secret starts, so that scanners and people can tell what leaked.
PREFIX = "mos-"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key; the secret itself is not kept. ``created_at`` is in seconds, UTC.

    An ``admin`` key also opens the operators' calls, which see every tenant.
    """

    id: str
    tenant: str
    user: str | None
    name: str
    created_at: float
    admin: bool = False


_FIELDS = frozenset(field.name for field in fields(KeyRecord))


class KeyStore:
    """Raises :class:`TruthDown` when the store of record cannot be reached."""

    def __init__(self, truth: redis.Redis) -> None:
        self._redis = truth

    def create(
        self, tenant: str, user: str | None = None, name: str = "", *, admin: bool = False
    ) -> tuple[str, str]:
        """A new key: its id and its secret, which is shown this once."""
        if not TENANT.fullmatch(tenant):
            raise InvalidRequest(
                f"The tenant {tenant!r} is not usable: 1 to 63 of a-z, 0-9, '-' and '_', not starting with a sign.",
                param="tenant",
            )
        if user is not None and (not user or len(user) > 256 or _CONTROL.search(user)):
            raise InvalidRequest("The user must be 1 to 256 characters without control characters.", param="user")
        if admin and user is not None:
            raise InvalidRequest(
                "An admin key sees every tenant, so it is not bound to a user; leave the user out.", param="user"
            )
        secret = PREFIX + secrets.token_urlsafe(32)
        record = KeyRecord(f"key_{secrets.token_hex(6)}", tenant, user, name, time.time(), admin)
        row = asdict(record)
        if not admin:
            del row["admin"]  # Versions that do not know the field read such rows too.
        with truth_errors():
            self._redis.hset(API_KEYS, _hash(secret), json.dumps(row))
        return record.id, secret

    def list(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""
        return sorted((record for _, record in self._all()), key=lambda record: record.created_at)

    def revoke(self, id: str) -> bool:
        """Remove a key; False when there is none of this id."""
        for hashed, record in self._all():
            if record.id == id:
                with truth_errors():
                    return bool(self._redis.hdel(API_KEYS, hashed))
        return False

    def find(self, secret: str) -> KeyRecord | None:
        """The record of a secret. Secrets are 256 random bits, so a plain SHA-256 keeps them."""
        with truth_errors():
            row: Any = self._redis.hget(API_KEYS, _hash(secret))
        return _record(row) if row else None

    def _all(self) -> Sequence[tuple[str, KeyRecord]]:
        with truth_errors():
            rows: Any = self._redis.hgetall(API_KEYS)
        return [(hashed, _record(row)) for hashed, row in rows.items()]


def _record(row: str) -> KeyRecord:
    """A stored row; fields that only a later version knows are passed over."""
    return KeyRecord(**{name: value for name, value in json.loads(row).items() if name in _FIELDS})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
