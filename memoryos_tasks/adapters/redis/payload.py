"""The journal's payload: one add-message as JSON, its text sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from memoryos_tasks.adapters.redis.keyspace import part
from memoryos_tasks.core.errors import InvalidRequest, Unavailable
from memoryos_tasks.core.events import Event, Owner, Role
from memoryos_tasks.ports.codec import Codec

#: Written into every payload. A reader takes this version and the one before (0: put in by hand, without a version);
#: a newer one it leaves to newer processes, so that a fleet may be upgraded one process at a time, in any order.
VERSION = 1
#: Timestamps lie nearer to the epoch than this, in seconds; beyond it lie NaN, infinity and what no float can hold.
LATEST = 1e15


class NewerPayload(Unavailable):
    """A newer process must read this."""

    code = "newer_payload"


def dump(event: Event, codec: Codec) -> str:
    """The payload of an event. The same event gives the same bytes only under the same codec state."""
    owner = event.owner
    body: dict[str, Any] = {
        "v": VERSION,
        "user_id": owner.user,
        "role": event.role,
        "content": codec.seal(owner, event.content),
        "event_id": event.event_id,
        "timestamp": event.timestamp,
        "session_id": event.session,
        "assistant_id": event.assistant,
    }
    if event.name is not None:
        body["name"] = codec.seal(owner, event.name)
    if event.metadata:
        body["metadata"] = codec.seal(owner, json.dumps(event.metadata, ensure_ascii=False))
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def rows(events: Sequence[Event], codec: Codec) -> list[str]:
    """Flat event_id, digest, payload and session of each event: what ``lib_append.lua`` takes."""
    flat: list[str] = []
    for event in events:
        flat += [event.event_id, event.digest, dump(event, codec), part(event.session)]
    return flat


def load(tenant: str, payload: str, codec: Codec, *, event_id: str = "", at: float = 0.0) -> Event:
    """The event of a payload; ``event_id`` and ``at`` (seconds) stand in for what a raw entry leaves out.

    Raises :class:`InvalidRequest` when it is not an add-message.
    """
    try:
        body = json.loads(payload)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair could be stored nowhere
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The journal entry's payload is not JSON.", param="payload") from error
    if not isinstance(body, dict):
        raise InvalidRequest("The journal entry's payload is not a JSON object.", param="payload")
    version = _version(body)
    if version > VERSION:
        raise NewerPayload(f"The journal entry has schema version {version}; this process reads up to {VERSION}.")
    owner = Owner(tenant, _text(body, "user_id"))
    role = body.get("role", "user")
    if role not in get_args(Role):
        raise InvalidRequest("The journal entry's role is unknown.", param="payload.role")
    timestamp = body.get("timestamp", at)
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float) or not abs(timestamp) < LATEST:
        raise InvalidRequest("The journal entry's timestamp is not a number.", param="payload.timestamp")
    name = body.get("name") or None
    if name is not None and not isinstance(name, str):
        raise InvalidRequest("The journal entry's name is not a string.", param="payload.name")
    return Event(
        owner=owner,
        event_id=str(body.get("event_id") or event_id),
        role=role,
        content=codec.open(owner, _text(body, "content")),
        timestamp=float(timestamp),
        session=str(body.get("session_id") or "default"),
        assistant=str(body.get("assistant_id") or "default"),
        name=codec.open(owner, name) if name else None,
        metadata=_metadata(owner, body.get("metadata"), codec),
    )


def _version(body: Mapping[str, Any]) -> int:
    version = body.get("v", 0)
    if isinstance(version, bool) or not isinstance(version, int) or version < 0:
        raise InvalidRequest("The journal entry's schema version is not a number.", param="payload.v")
    return version


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"The journal entry's {key} is missing or not a string.", param=f"payload.{key}")
    return value


def _metadata(owner: Owner, value: object, codec: Codec) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(codec.open(owner, value))
        except (ValueError, RecursionError) as error:
            message = "The journal entry's metadata is neither an object nor the JSON of one."
            raise InvalidRequest(message, param="payload.metadata") from error
    return value if isinstance(value, dict) else {}
