"""FAQs as operators ask for them and see them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from memoryos_app.schemas.fields import Text, Whole
from memoryos_app.schemas.memory import Strict
from memoryos_tasks.adapters.redis.keyspace import TENANT
from memoryos_tasks.core.faq_ask import MOST_ANSWERED, MOST_ASKED

#: FAQs or lines shown when the query names no limit, and at most.
SHOWN, MOST = 100, 1_000
STATES = ("live", "candidate")
PLACES = ("markdown", "s3", "confluence")


def _tenant() -> Text:
    return Text(
        validate=lambda name: TENANT.fullmatch(name) is not None or _wrong("is not a tenant's name."),
        metadata={"description": "Whose FAQs; the key's own tenant when absent.", "example": "acme"},
    )


def _id(**kwargs: Any) -> Text:
    return Text(
        validate=validate.Regexp(r"faq_[0-9a-f]{24}\Z", error="is not an id of an FAQ, such as faq_0123…."), **kwargs
    )


def _wrong(why: str) -> bool:
    raise ValidationError(why)


def _limit() -> Whole:
    return Whole(
        text=True, load_default=SHOWN, validate=validate.Range(1, MOST, error=f"must be 1 to {MOST:,}.")
    )


class FaqWhoseSchema(Strict):
    """Whose FAQs."""

    tenant = _tenant()


class FaqQuerySchema(FaqWhoseSchema):
    """Which FAQs to list."""

    state = Text(
        load_default="live",
        validate=validate.OneOf(STATES, error="is no state; use one of {choices}."),
        metadata={"description": "`live`: answered without a model; `candidate`: it may be promoted."},
    )
    limit = _limit()
    cursor = Whole(
        text=True,
        load_default=0,
        validate=validate.Range(0, 10_000_000, error="is not a next_cursor of this call."),
        metadata={"description": "`next_cursor` of the answer before."},
    )


class FaqHistoryQuerySchema(FaqWhoseSchema):
    """Which part of the history."""

    id = _id(metadata={"description": "Of one FAQ; of all when absent."})
    limit = _limit()


class FaqPromoteSchema(FaqWhoseSchema):
    """A candidate by its `id`, or a `question` with its `answer`, written by hand."""

    id = _id()
    question = Text(
        validate=validate.Length(1, MOST_ASKED, error=f"must have 1 to {MOST_ASKED} characters."),
        metadata={"example": "How do I reset the password?"},
    )
    answer = Text(validate=validate.Length(1, MOST_ANSWERED, error=f"must have 1 to {MOST_ANSWERED:,} characters."))

    @validates_schema
    def stated(self, data: dict[str, Any], **kwargs: Any) -> None:
        """One or the other, whole."""
        if "id" in data:
            for name in ("question", "answer"):
                if name in data:
                    raise ValidationError("cannot stand beside id.", name)
            return
        for name in ("question", "answer"):
            if not data.get(name, "").strip():
                raise ValidationError("is required, unless a candidate is named by its id.", name)


class FaqDemoteSchema(FaqWhoseSchema):
    """Which FAQ to take off the shelf."""

    id = _id(required=True)


class FaqExportSchema(FaqWhoseSchema):
    """Where to put the tenant's FAQs."""

    to = Text(
        required=True,
        validate=validate.OneOf(PLACES, error="is no place; use one of {choices}."),
        metadata={"description": "`markdown`: the job's result holds the document; the others stand in `[faq]`."},
    )


class FaqSchema(Schema):
    """A question with its numbers."""

    id = fields.String(metadata={"example": "faq_6f1d0c2b9a8e7d6c5b4a3f2e"})
    state = fields.String(metadata={"enum": list(STATES)})
    question = fields.String(allow_none=True, metadata={"description": "null when it can no longer be read."})
    answer = fields.String(allow_none=True)
    written = fields.Boolean(metadata={"description": "By hand, not by a user and a model."})
    promoted_at = fields.Float(allow_none=True)
    asks = fields.Integer(metadata={"description": "Within the window, at the last look."})
    heat = fields.Float()
    users = fields.Integer()
    hits = fields.Integer(metadata={"description": "Answers given without a model."})
    similarity = fields.Float(metadata={"description": "The smaller of the mean cosines of wordings and answers."})
    wording_similarity = fields.Float()
    answer_similarity = fields.Float()


class FaqsSchema(Schema):
    """FAQs, the newest first, or candidates, the hottest first."""

    faqs = fields.List(fields.Nested(FaqSchema))
    total = fields.Integer()
    next_cursor = fields.Integer(allow_none=True)


class FaqStatsSchema(Schema):
    """Numbers of a tenant, and what a question needs."""

    tenant = fields.String()
    enabled = fields.Boolean()
    live = fields.Integer()
    candidates = fields.Integer()
    questions = fields.Integer(metadata={"description": "That are counted."})
    hits = fields.Integer()
    needs = fields.Dict()


class FaqStepSchema(Schema):
    """One line of the history; it holds no text."""

    at = fields.Float()
    id = fields.String()
    action = fields.String(metadata={"enum": ["promoted", "written", "demoted", "removed"]})
    by = fields.String(metadata={"enum": ["beat", "admin", "erasure"]})
    asks = fields.Integer()
    heat = fields.Float()
    similarity = fields.Float()


class FaqHistorySchema(Schema):
    """What became of FAQs, newest first."""

    history = fields.List(fields.Nested(FaqStepSchema))
