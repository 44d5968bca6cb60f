"""What a vendor is shown to know us by."""

from __future__ import annotations

from memoryos_tasks.core.errors import ConfigError


def credential(key: str, otherwise: str) -> str:
    """The key as it goes into a header. Raises :class:`ConfigError`, saying ``otherwise``, where none could hold it."""
    secret = key.strip()
    if not (secret.isascii() and secret.isprintable()):
        raise ConfigError(otherwise)
    return secret
