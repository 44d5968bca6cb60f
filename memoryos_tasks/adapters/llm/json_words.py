"""JSON output, asked for in words: for models that are not held to a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest

#: For OpenAI's JSON mode, which names no schema.
JSON_ONLY = "Answer with one JSON object and nothing else: no code fence, no words before or after it."


def schema_of(form: Any) -> Mapping[str, Any]:
    """The schema of a ``response_format`` that asks for one. Raises :class:`InvalidRequest`."""
    wanted = form.get("json_schema") if isinstance(form, Mapping) else None
    schema = wanted.get("schema") if isinstance(wanted, Mapping) else None
    if not isinstance(form, Mapping) or form.get("type") != "json_schema" or not isinstance(schema, Mapping):
        raise InvalidRequest(
            "response_format must be text, json_object or a json_schema with a schema.", param="response_format")
    return schema


def by_schema(schema: Mapping[str, Any]) -> str:
    """The schema as an instruction."""
    written = json.dumps(schema, ensure_ascii=False)
    return f"{JSON_ONLY} The object must be valid under this JSON schema:\n{written}"
