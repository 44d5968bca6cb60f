"""Fields that take exactly what they say, since marshmallow's own are lenient."""

# The library fixes these signatures and class attributes.
# ruff: noqa: RUF012

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

#: Longest id that a client may choose, in characters.
ID_LENGTH = 256
#: Seconds since the epoch of the years 1 and 9999.
EARLIEST, LATEST = -62135596800.0, 253402300799.0


def clean_id(value: str) -> str:
    """An id that can be stored and shown. Raises ValidationError."""
    if not value.strip():
        raise ValidationError("must not be empty.")
    if len(value) > ID_LENGTH:
        raise ValidationError(f"must be at most {ID_LENGTH} characters; it has {len(value)}.")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value):
        raise ValidationError("must not hold control characters.")
    return value


class Text(fields.String):
    """A string; numbers and lists are errors."""

    default_error_messages = {
        "invalid": "must be a string.",
        "required": "is required.",
        "null": "must not be null.",
    }


class Id(Text):
    """A name that a client chooses: 1 to 256 characters, none of them a control character."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"minLength": 1, "maxLength": ID_LENGTH, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        return clean_id(super()._deserialize(value, attr, data, **kwargs) or "")


class Flag(fields.Boolean):
    """true or false, nothing that looks like it."""

    default_error_messages = {
        "invalid": "must be true or false.",
        "null": "must be true or false.",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Float):
    """A JSON number."""

    default_error_messages = {"invalid": "must be a number."}

    def _validated(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.make_error("invalid", input=value)
        return float(value)


class Whole(fields.Integer):
    """A whole JSON number; ``text`` also takes digits in a string, as queries have them."""

    default_error_messages = {"invalid": "must be a whole number."}

    def __init__(self, *, text: bool = False, **kwargs: Any) -> None:
        self._text = text
        super().__init__(**kwargs)

    def _validated(self, value: Any) -> int:
        if self._text and isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdigit():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.Field[float]):
    """A time: seconds since the epoch or ISO 8601 (UTC where it names no zone); loads as seconds."""

    def __init__(self, *, text: bool = False, **kwargs: Any) -> None:
        self._text = text
        metadata = {
            "type": ["number", "string"],
            "description": "Seconds since the epoch, or ISO 8601.",
            **kwargs.pop("metadata", {}),
        }
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> float:
        seconds = self._seconds(value)
        if not EARLIEST <= seconds <= LATEST:
            raise ValidationError("is out of range; it counts in seconds, not milliseconds.")
        return seconds

    def _seconds(self, value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(min(max(value, EARLIEST - 1), LATEST + 1))
        if isinstance(value, str):
            try:
                return float(value) if self._text and _numeric(value) else _iso(value)
            except (ValueError, OverflowError):
                pass
        raise ValidationError(
            "must be seconds since the epoch or an ISO 8601 time such as 2026-01-31T12:00:00Z."
        )


def _numeric(value: str) -> bool:
    return (
        value.replace(".", "", 1).removeprefix("-").isdecimal() and "-" not in value[1:] and len(value) < 20
    )


def _iso(value: str) -> float:
    parsed = datetime.fromisoformat(value.strip())
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


class Content(fields.Field[str]):
    """What was said: a string, or OpenAI's content parts whose texts are joined; loads as a string."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = {
            "type": ["string", "array"],
            "items": {"type": "object"},
            "description": "A string, or OpenAI content parts, of which the texts are kept.",
        }
        super().__init__(metadata=metadata, error_messages={"required": "is required."}, **kwargs)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = "\n".join(_texts(value)) if isinstance(value, list) else value
        if not isinstance(text, str):
            raise ValidationError("must be a string or a list of content parts.")
        if not text.strip():
            raise ValidationError("must hold some text.")
        return text


def _texts(content: list[Any]) -> list[str]:
    found = []
    for index, part in enumerate(content):
        if not isinstance(part, dict):
            raise ValidationError({index: ["must be an object with a type."]})
        if part.get("type") in ("text", "input_text", "output_text"):
            if not isinstance(part.get("text"), str):
                raise ValidationError({index: {"text": ["must be a string."]}})
            found.append(part["text"])
    return found
