"""A chat completion request: what MemoryOS looks at is checked, everything else passes through."""

# The library fixes these signatures and class attributes.
# ruff: noqa: RUF012

from __future__ import annotations

from typing import Any

from marshmallow import INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from memoryos_app.schemas.fields import Flag, Id, Number, Text, Whole

CHAT_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
#: Roles whose message may come without content.
_SILENT = ("assistant", "function", "tool")


class ChatMessageSchema(Schema):
    """One message of the conversation."""

    class Meta:
        unknown = INCLUDE

    error_messages = {"type": "must be an object."}

    role = Text(
        required=True,
        validate=validate.OneOf(CHAT_ROLES, error="is not a known role; use one of {choices}."),
        metadata={"example": "user"},
    )
    content = fields.Raw(
        allow_none=True,
        metadata={
            "type": ["string", "array", "null"],
            "items": {"type": "object"},
            "description": "A string or a list of content parts.",
            "example": "My name is Alice and I work as a data scientist.",
        },
    )
    name = Text(allow_none=True)

    @validates_schema
    def content_is_whole(self, data: dict[str, Any], **kwargs: Any) -> None:
        content = data.get("content")
        if content is None:
            if data["role"] not in _SILENT:
                raise ValidationError("is required.", "content")
        elif isinstance(content, list):
            _check_parts(content)
        elif not isinstance(content, str):
            raise ValidationError("must be a string or a list of content parts.", "content")


def _check_parts(content: list[Any]) -> None:
    for index, part in enumerate(content):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise ValidationError({"content": {index: ["must be an object with a type."]}})
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise ValidationError({"content": {index: {"text": ["must be a string."]}}})


class ChatSchema(Schema):
    """OpenAI's chat completion request. Fields that are not listed here reach the provider as they are."""

    class Meta:
        unknown = INCLUDE

    error_messages = {"type": "The body must be a JSON object."}

    model = Text(
        required=True,
        validate=validate.Length(1, 256, error="must be 1 to 256 characters."),
        metadata={
            "example": "offline",
            "description": "`provider/model`, a vendor's bare name, or `offline`.",
        },
    )
    messages = fields.List(
        fields.Nested(ChatMessageSchema),
        required=True,
        validate=validate.Length(min=1, error="must hold at least one message."),
        error_messages={"required": "is required.", "invalid": "must be a list of messages."},
    )
    stream = Flag(allow_none=True, metadata={"example": False})
    user = Id(allow_none=True, metadata={"example": "alice", "description": "Whose memory; none given: no memory."})
    temperature = Number(allow_none=True)
    top_p = Number(allow_none=True)
    n = Whole(allow_none=True, validate=validate.Range(min=1, error="must be at least 1."))
    max_tokens = Whole(allow_none=True, validate=validate.Range(min=1, error="must be at least 1."))
    max_completion_tokens = Whole(
        allow_none=True, validate=validate.Range(min=1, error="must be at least 1.")
    )
    stream_options = fields.Dict(allow_none=True, error_messages={"invalid": "must be an object."})
    tools = fields.List(
        fields.Dict(), allow_none=True, error_messages={"invalid": "must be a list of objects."}
    )


class ChatAnswerSchema(Schema):
    """OpenAI's ``chat.completion``; as a stream, ``chat.completion.chunk`` events and ``[DONE]``."""

    id = fields.String()
    object = fields.String()
    created = fields.Integer()
    model = fields.String()
    choices = fields.List(fields.Dict())
    usage = fields.Dict()
