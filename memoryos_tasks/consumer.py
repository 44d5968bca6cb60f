"""The consumer of a worker: what no task takes becomes a dead letter before it is acknowledged."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import structlog
from celery.exceptions import InvalidTaskError
from celery.worker import consumer, state
from kombu.exceptions import ContentDisallowed
from kombu.utils.json import dumps

from memoryos_tasks.bootstrap import house
from memoryos_tasks.ports.dead_letters import Letter
from memoryos_tasks.queues import MAINTENANCE, QUEUES
from memoryos_tasks.transport import FOUND

log = structlog.get_logger(__name__)

#: Reasons of these dead letters, in words.
REASONS = {
    "unknown_task": "No task has this name.",
    "undecodable_message": "The message cannot be decoded.",
    "invalid_message": "The message is not a call that its task takes.",
}
#: Seconds until a letter is written again that could not be written.
AGAIN_SECONDS = 2.0
#: Seconds between two attempts to reach a broker that is away. Celery's own grow to 30, and a worker would idle.
CONNECT_SECONDS = 1
#: Seconds for which the events of tasks wait for each other, and how many wait at most. Celery's go out at once.
EVENTS_SECONDS, MOST_EVENTS = 0.5, 1000
#: Characters kept of a name; a name may be anything here.
NAME_LENGTH = 200


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's consumer drops what it cannot handle, logs its body, or stops on it; this one keeps and goes on."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, however long it takes, unless the worker is told to stop."""
        conn.ensure_connection(
            self._not_connected, None, CONNECT_SECONDS, 0, CONNECT_SECONDS, callback=state.maybe_shutdown
        )
        self.first_connection_attempt = False
        return conn

    def stop(self) -> None:
        """Take no more messages."""
        super().stop()
        finish = getattr(getattr(self.task_consumer, "channel", None), "finish_reading", None)
        if finish is None:
            return
        try:
            finish()
        except self.connection_errors as error:
            log.info("broker_lost_while_leaving", error=type(error).__name__)

    def register_with_event_loop(self, hub: Any) -> None:
        """Send what Flower is told of tasks in batches."""
        super().register_with_event_loop(hub)
        if self.event_dispatcher:
            self.event_dispatcher.buffer_limit = MOST_EVENTS
            hub.call_repeatedly(EVENTS_SECONDS, self._flush_events)

    def on_send_event_buffered(self) -> None:
        """Nothing: a full batch is sent at once, any other with the next tick."""

    def update_strategies(self) -> None:
        """What becomes of a message for each task: checked first."""
        super().update_strategies()
        for name, strategy in self.strategies.items():
            self.strategies[name] = _checked(self.app.tasks[name], strategy)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """What handles each message; none can stop the worker."""
        handle = super().create_task_handler(*args, **kwargs)
        ours = (*self.connection_errors, *self.channel_errors)

        def on_task_received(message: Any) -> None:
            try:
                handle(message)
            except ours:
                raise
            except Exception as error:
                self._bury(message, "invalid_message", error)

        return on_task_received

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._bury(message, "undecodable_message", exc)

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._bury(message, "invalid_message")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        self._bury(message, "unknown_task")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        refused = isinstance(exc, ContentDisallowed)
        self._bury(message, "undecodable_message" if refused else "invalid_message", exc)

    def _bury(self, message: Any, reason: str, error: Exception | None = None) -> None:
        if not message.acknowledged:
            self._write(message, letter_of(message, reason, error))

    def _write(self, message: Any, letter: Letter) -> None:
        """Write the letter, then acknowledge. Until it is written the broker keeps the message for whoever is next."""
        if message.channel.connection is None:
            return  # Its connection is gone: it will be delivered again.
        try:
            id = house().dead_letters.bury(letter)
        except Exception as failure:
            code = getattr(failure, "code", type(failure).__name__)
            log.warning("dead_letter_not_written", queue=letter.queue, reason=letter.reason, code=code)
            self.timer.call_after(AGAIN_SECONDS, self._write, (message, letter))
            return
        log.warning("message_buried", queue=letter.queue, reason=letter.reason, letter=id)
        message.ack_log_error(log, self.connection_errors)

    def _not_connected(self, error: Exception, interval: float) -> None:
        log.error("broker_not_reached", error=type(error).__name__, retry_seconds=interval)


def letter_of(message: Any, reason: str, error: Exception | None = None) -> Letter:
    """The dead letter of a message: whole, with its body as text where it is text."""
    now, headers = time.time(), message.headers
    queue = message.delivery_info.get("routing_key")
    return Letter(
        id="",
        queue=queue if queue in QUEUES else MAINTENANCE,
        kind="message",
        reason=reason,
        message=REASONS[reason],
        subject=_name(headers.get("id")),
        task=_name(headers.get("task")),
        exception=type(error).__name__ if error is not None else "",
        first_seen=now,
        last_seen=now,
        request_id=_name(headers.get("request_id")),
        headers=headers,
        body=dumps(_text(message.body) if message.content_type == FOUND else _original(message)),
    )


def _original(message: Any) -> dict[str, Any]:
    return {
        "content-type": message.content_type,
        "content-encoding": message.content_encoding,
        "properties": message.properties,
        "body": _text(message.body),
    }


def _text(body: bytes | None) -> Any:
    try:
        return (body or b"").decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body or b"").decode()}


def _name(value: Any) -> str:
    """A short text that every store takes."""
    return value[:NAME_LENGTH].encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""


def _checked(task: Any, strategy: Any) -> Any:
    """The strategy, for messages that are a call of the task. Celery finds out in a thread, where it is too late."""

    def handle(message: Any, payload: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            call = message.payload if payload is None else payload
            _check(task, message.headers.get("id") or call["id"], call)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidTaskError from error
        return strategy(message, payload, *args, **kwargs)

    return handle


def _check(task: Any, id: Any, call: Any) -> None:
    """Raises :class:`TypeError` or :class:`ValueError` for what is no call of the task."""
    if isinstance(call, dict):  # protocol 1
        positional, named, rest = call.get("args", ()), call.get("kwargs", {}), None
    else:
        positional, named, rest = call
    if not (isinstance(id, str) and isinstance(positional, list | tuple) and isinstance(named, dict)):
        raise TypeError
    if not isinstance(rest, dict | None):
        raise TypeError
    task.__header__(*positional, **named)
