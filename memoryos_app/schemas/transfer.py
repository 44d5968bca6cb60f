"""Requests of export and import."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from memoryos_app.schemas.fields import Id, Text
from memoryos_app.schemas.memory import WHOSE, Strict
from memoryos_tasks.core.transfer.formats import FORMATS


class ExportSchema(Strict):
    """Whose memory, and in which form."""

    user_id = Id(metadata={"example": "alice", "description": WHOSE})
    format = Text(
        load_default="json",
        validate=validate.OneOf(["json", "markdown"], error="must be json or markdown."),
    )


class ImportHeadSchema(Strict):
    """What stands around the data of an import, in the body or, for bodies that are no JSON object, in the query."""

    user_id = Id(metadata={"example": "alice", "description": WHOSE})
    format = Text(
        validate=validate.OneOf(list(FORMATS), error="is not a format; use one of {choices}."),
        metadata={"example": "memoryos"},
    )


class ImportBodySchema(Schema):
    """The JSON body of an import; it is read as it arrives."""

    user_id = fields.String()
    format = fields.String(validate=validate.OneOf(list(FORMATS)))
    data = fields.Raw(metadata={"description": "The document itself, in the shape of its format."})
