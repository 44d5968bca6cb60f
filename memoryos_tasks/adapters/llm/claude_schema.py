"""JSON schemas in the subset that Claude enforces.

The subset is that of Anthropic's page "Structured outputs": closed objects, no bounds on numbers, strings and lists.
What is outside moves into the description, as the vendor's own SDK does, so that the model may still heed it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_KEPT = ("title", "enum", "const", "required", "$ref")
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})  # fmt: skip
_UNION = ("anyOf", "oneOf", "allOf")


class Open(ValueError):
    """The schema has an object whose keys it does not name: no closed schema can stand for it."""


def closed(schema: Any) -> dict[str, Any]:
    """The schema in the subset. Raises :class:`Open`."""
    if not isinstance(schema, Mapping):
        raise Open  # "true": anything at all
    rest = dict(schema)
    made: dict[str, Any] = {key: rest.pop(key) for key in _KEPT if key in rest}
    for name in ("$defs", "definitions"):
        if isinstance(rest.get(name), Mapping):
            made[name] = {key: closed(value) for key, value in rest.pop(name).items()}
    for name in _UNION:
        if isinstance(rest.get(name), list):
            made["allOf" if name == "allOf" else "anyOf"] = [closed(option) for option in rest.pop(name)]
    kind = rest.pop("type", None)
    if kind is not None:
        made["type"] = kind
    if kind == "object" or "properties" in rest:
        _close(made, rest)
    if isinstance(rest.get("items"), Mapping):
        made["items"] = closed(rest.pop("items"))
    if rest.get("format") in _FORMATS:
        made["format"] = rest.pop("format")
    if rest.get("minItems") in (0, 1):
        made["minItems"] = rest.pop("minItems")
    return _told(made, rest)


def _close(made: dict[str, Any], rest: dict[str, Any]) -> None:
    named = rest.pop("properties", None) or {}
    others = rest.pop("additionalProperties", None)
    if isinstance(others, Mapping) or (not named and others is not False):
        raise Open
    made["properties"] = {key: closed(value) for key, value in named.items()}
    made["additionalProperties"] = False


def _told(made: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    rest.pop("$schema", None)
    description = rest.pop("description", "")
    extra = ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in rest.items())
    told = "\n\n".join(part for part in (description, f"{{{extra}}}" if extra else "") if part)
    return {**made, "description": told} if told else made
