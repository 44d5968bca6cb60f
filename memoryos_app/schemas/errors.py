"""The shape of every error."""

from __future__ import annotations

from marshmallow import Schema, fields


class FaultSchema(Schema):
    """What went wrong."""

    message = fields.String(required=True, metadata={"description": "What happened, and what to do."})
    type = fields.String(required=True)
    param = fields.String(required=True, allow_none=True, metadata={"description": "Path of the field."})
    code = fields.String(required=True)


class ErrorSchema(Schema):
    """An error, in OpenAI's shape."""

    error = fields.Nested(FaultSchema, required=True)
