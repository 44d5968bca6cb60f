"""kombu's Redis transport, made to outlive its broker and whatever lies in its queues."""

from __future__ import annotations

import base64
import json
import uuid
from contextlib import suppress
from queue import Empty
from typing import Any

import redis
import structlog
from kombu.transport import redis as kombu_redis
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

from memoryos_tasks.queues import CHAT, QUEUES, TASKS

log = structlog.get_logger(__name__)

#: The content type of what was found in a queue and is no message; its body is what was found.
FOUND = "application/x-found"

#: The tasks that clients wait for and the ledger rings for again.
LEDGERED = frozenset(task for task, queue in TASKS.values() if queue == CHAT)


class Unreadable(ValueError):
    """A thing in a queue is not a message."""


class Message(kombu_redis.Channel.Message):  # type: ignore[misc]
    """A message that is whole: a tag to acknowledge it by, a body in bytes, a place to put it back to."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        """Raises :class:`Unreadable`."""
        try:
            super().__init__(payload, channel=channel, **kwargs)
            where = self.delivery_info
            for name in (self.delivery_tag, where["exchange"], where["routing_key"]):
                name.encode()
            if not isinstance(self.body, bytes | None):
                raise TypeError
        except (AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
            raise Unreadable from error


class QoS(kombu_redis.QoS):  # type: ignore[misc]
    """What this process has in hand. Bells of ledgered jobs stand in memory alone.

    kombu writes each message in hand to Redis, in two transactions, to deliver it again an hour after its process was
    lost. The ledger rings again within seconds, so that record would never be needed.
    """

    def append(self, message: Any, delivery_tag: str) -> None:
        if _ledgered(message):
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        if _ledgered(self._delivered.get(delivery_tag)):
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        message = self._delivered.get(delivery_tag)
        if not _ledgered(message):
            super().reject(delivery_tag, requeue)
            return
        if requeue:
            with self.channel.conn_or_acquire() as client:
                self.channel._do_restore_message(message._raw, "", message.delivery_info["routing_key"], client, True)
        virtual.QoS.ack(self, delivery_tag)


def _ledgered(message: Any) -> bool:
    """Whether the ledger rings again for what this message rings for."""
    headers = getattr(message, "headers", None)
    task = headers.get("task") if isinstance(headers, dict) else None
    return isinstance(task, str) and task in LEDGERED


class Channel(kombu_redis.Channel):  # type: ignore[misc]
    """What keeps a worker alive when the broker dies under load, or hands it what is no message (kombu 5.7).

    Messages in hand are not put back when a channel closes: the connection is gone then, the attempt crashes the
    worker, and the ledger rings again anyway. A late acknowledgement on a closed channel is a connection error,
    which the worker survives, not an ``AttributeError``. Bytes that are not JSON become a message that holds them.
    """

    Message = Message
    QoS = QoS
    do_restore = False
    _shared: Any = None

    def finish_reading(self) -> None:
        """Wait for the read that is under way, a second at most; what it brings goes back to its queue."""
        if self._in_poll:
            with suppress(Empty):
                self._brpop_read()

    def _connparams(self, asynchronous: bool = False) -> Any:
        if getattr(self.connection, "client", None) is None:
            raise redis.ConnectionError("The broker connection of this channel is closed.")
        return super()._connparams(asynchronous=asynchronous)

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Kombu makes a client for every command, which costs more than most commands; they can share one."""
        if asynchronous:
            client = super()._create_client(asynchronous)
            client.set_response_callback("BRPOP", _readable)
            return client
        if self._shared is None or self._shared.connection_pool is not self.pool:
            self._shared = super()._create_client()
        return self._shared


class Transport(kombu_redis.Transport):  # type: ignore[misc]
    """``redis://`` with the channel above."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str) -> None:
        try:
            super()._deliver(message, queue)
        except Unreadable:
            if queue in QUEUES:
                super()._deliver(_found(dumps(message).encode(), queue), queue)
            else:
                log.warning("broadcast_not_readable", queue=queue)


class Parsed(str):
    """The text of a message that was parsed before."""

    __slots__ = ("message",)
    message: Any


def _parsed(text: Any) -> Any:
    return text.message if isinstance(text, Parsed) else loads(text)


# By this name kombu's transport parses what its reads bring; a message need not be parsed twice.
kombu_redis.loads = _parsed


def _readable(response: Any, **_: Any) -> Any:
    """A queue's name and the text of a message; kombu would crash on text that it cannot parse."""
    if not response:
        return None
    key, item = response
    try:
        text = Parsed(item.decode())
        # Kombu's own way is slower, for the sake of types that it marks so.
        text.message = (loads if "__type__" in text or "\\u" in text else json.loads)(text)
    except Exception:  # JSON's own errors, its depth, and kombu's types within it
        queue = key.decode().split(kombu_redis.Channel.sep)[0]
        return key, dumps(_found(item, queue)).encode()
    return key, text


def _found(content: bytes, queue: str) -> dict[str, Any]:
    """A message that holds ``content``, to be acknowledged like any other."""
    return {
        "body": base64.b64encode(content).decode(),
        "content-type": FOUND,
        "content-encoding": "binary",
        "headers": {},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
        },
    }
