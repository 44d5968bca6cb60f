"""kombu's Redis transport, made to outlive its broker."""

from __future__ import annotations

from typing import Any

import redis
from kombu.transport import redis as kombu_redis


class Channel(kombu_redis.Channel):  # type: ignore[misc]
    """Two changes that keep a worker alive when the broker dies under load (kombu 5.7).

    Messages in hand are not put back when a channel closes: the connection is gone then, the attempt crashes the
    worker, and the ledger rings again anyway. A late acknowledgement on a closed channel is a connection error,
    which the worker survives, not an ``AttributeError``.
    """

    do_restore = False

    def _connparams(self, asynchronous: bool = False) -> Any:
        if getattr(self.connection, "client", None) is None:
            raise redis.ConnectionError("The broker connection of this channel is closed.")
        return super()._connparams(asynchronous=asynchronous)


class Transport(kombu_redis.Transport):  # type: ignore[misc]
    """``redis://`` with the channel above."""

    Channel = Channel
