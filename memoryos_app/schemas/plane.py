"""What the control plane's calls take and give."""

# The library fixes these signatures and class attributes.
# ruff: noqa: RUF012

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, validate, validates_schema

from memoryos_app.schemas.chat import ChatMessageSchema
from memoryos_app.schemas.fields import Flag, Id, Number, Text, Whole

_OBJECT = {"type": "The body must be a JSON object."}
_WORDS: dict[str, Any] = {"required": "is required.", "invalid": "must be a list of messages."}


class _Lenient(Schema):
    """Fields that nobody knows are left alone: the plain client may send more."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "must be an object."}


class _Asked(_Lenient):
    """What every inference may say."""

    model = Text(allow_none=True, validate=validate.Length(1, 256, error="must be 1 to 256 characters."),
                 metadata={"description": "A model of the plane; the first one when absent."})
    temperature = Number(allow_none=True, validate=validate.Range(0, 2, error="must be 0 to 2."))
    max_tokens = Whole(allow_none=True, validate=validate.Range(min=1, error="must be at least 1."))
    request_id = Id(allow_none=True, metadata={
        "description": "The client's own name for it: asked again, it is the same inference, and can be cancelled."})


class InferenceSchema(_Asked):
    """The plain call."""

    error_messages = _OBJECT

    prompt = Text(required=True, validate=validate.Length(1, error="must hold some text."),
                  metadata={"example": "Open the settings. 打开设置。"})
    session_id = Id(allow_none=True, metadata={"description": "Goes on with what was said in it; absent: nothing."})
    user = Id(allow_none=True, metadata={"description": "Who asks, for limits and sessions."})


class InferenceAnswerSchema(Schema):
    """The answer to the plain call."""

    text = fields.String(required=True)


class PlaneMessageSchema(Schema):
    """One message to the plane."""

    class Meta:
        unknown = EXCLUDE

    error_messages = _OBJECT

    opcode = fields.Raw(required=True, error_messages={"required": "is required."}, metadata={
        "type": ["integer", "string"], "example": "0x0A", "description": "A number, or a text such as `\"0x0A\"`."})
    session_id = Id(allow_none=True, metadata={"example": "s1"})
    user = Id(allow_none=True, metadata={"description": "Who asks, for limits and sessions."})
    payload = fields.Dict(load_default=dict, allow_none=True, error_messages={"invalid": "must be an object."},
                          metadata={"example": {"prompt": "Open the settings."}})


class PlaneMessageAnswerSchema(Schema):
    """What a message is answered with."""

    opcode = fields.String(required=True)
    name = fields.String(required=True)
    session_id = fields.String(required=True, allow_none=True)
    payload = fields.Dict(required=True)


class EmptyPayload(_Lenient):
    """Nothing is asked."""


class InferencePayload(_Asked):
    """0x0A: a prompt or messages."""

    prompt = Text(allow_none=True, validate=validate.Length(1, error="must hold some text."))
    messages = fields.List(fields.Nested(ChatMessageSchema), allow_none=True, error_messages=_WORDS,
                           validate=validate.Length(min=1, error="must hold at least one message."))

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data.get("prompt") is None) == (data.get("messages") is None):
            raise ValidationError("give either prompt or messages.", "prompt")


class RegisterPayload(Schema):
    """0x03: an entry of ``models`` in the configuration; what it may hold is checked where that is."""

    class Meta:
        unknown = INCLUDE

    error_messages = {"type": "must be an object."}

    name = Text(required=True, metadata={"description": "The model's name."})
    endpoint = Text(required=True, metadata={"description": "Its URL."})


class DeregisterPayload(_Lenient):
    """0x04: one endpoint by its id, or all of a model."""

    id = Id(metadata={"description": "An endpoint's id."})
    model = Id(metadata={"description": "A model: all of its endpoints."})
    drain = Flag(load_default=False, metadata={"description": "Keep it, but give it nothing new."})

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **kwargs: Any) -> None:
        if ("id" in data) == ("model" in data):
            raise ValidationError("give either id or model.", "id")


class ReportPayload(_Lenient):
    """0x05: of one model, or of all."""

    model = Id(allow_none=True)


class CancelPayload(_Lenient):
    """0x09: one inference, by the client's name for it or by its job."""

    request_id = Id()
    job_id = Id()

    @validates_schema
    def one_of_both(self, data: dict[str, Any], **kwargs: Any) -> None:
        if ("request_id" in data) == ("job_id" in data):
            raise ValidationError("give either request_id or job_id.", "request_id")
