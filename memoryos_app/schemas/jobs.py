"""A job as clients see it."""

from __future__ import annotations

from marshmallow import Schema, fields


class JobSchema(Schema):
    """One piece of queued work."""

    id = fields.String()
    job_id = fields.String()
    kind = fields.String()
    status = fields.String(
        metadata={"enum": ["queued", "running", "succeeded", "failed", "cancelled", "dead"]},
    )
    progress = fields.Float()
    attempts = fields.Integer()
    result = fields.Dict(allow_none=True)
    error = fields.Dict(allow_none=True)
    route = fields.Dict(
        metadata={"description": "Of a chat: which tier and model answered, why it was chosen, and which models were "
                                 "tried and failed, with the code of their error, also when none answered; "
                                 "what its window had no room for."}
    )
    cancel_requested = fields.Boolean(
        metadata={"description": "Only in the answer to DELETE: the job was open and was asked to stop."}
    )


class AcceptedSchema(Schema):
    """Work that was queued; both ids are the same."""

    id = fields.String()
    job_id = fields.String()
    status = fields.String()
