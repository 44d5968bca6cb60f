"""Requests and answers of the memory calls."""

# The library fixes these signatures and class attributes.
# ruff: noqa: RUF012

from __future__ import annotations

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate, validates_schema

from memoryos_app.schemas.fields import Content, Flag, Id, Moment, Text, Whole
from memoryos_tasks.core.items import Tier

#: Roles of stored messages; ``developer`` is OpenAI's newer word for ``system``.
ROLES = ("user", "assistant", "system", "tool", "developer")
#: Most messages in one add.
MOST = 1000
WHOSE = "Whose memory; else the header's user, else the key's own."
LIMIT = "Most results, 1 to 100; `memory.retrieve_limit` when absent."
AS_OF = "What was known then: seconds since the epoch, or ISO 8601."
BUDGET = "Tokens that the contents may cost together: characters / 4, one each for Chinese; `limit` is 100 if absent."


class Strict(Schema):
    """Unknown fields are errors, nulls count as absent."""

    class Meta:
        unknown = RAISE

    error_messages = {
        "unknown": "is not a field of this call.",
        "type": "must be a JSON object.",
    }

    @pre_load
    def drop_nulls(self, data: Any, **kwargs: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


def _role(**kwargs: Any) -> Text:
    return Text(
        validate=validate.OneOf(ROLES, error="is not a known role; use one of {choices}."),
        metadata={"example": "user"},
        **kwargs,
    )


def _metadata() -> fields.Dict:
    return fields.Dict(keys=fields.String(), error_messages={"invalid": "must be an object."})


class MessageSchema(Strict):
    """One message to remember."""

    role = _role(required=True)
    content = Content(required=True)
    event_id = Id(metadata={"description": "Unique for the user; made up when absent."})
    name = Id(metadata={"description": "Who spoke, when there are several."})
    timestamp = Moment()
    session_id = Id()
    assistant_id = Id()
    metadata = _metadata()


class AddSchema(Strict):
    """One message, or ``messages`` with outer defaults."""

    user_id = Id(metadata={"example": "alice"})
    role = _role()
    content = Content()
    event_id = Id()
    name = Id()
    messages = fields.List(
        fields.Nested(MessageSchema),
        validate=validate.Length(1, MOST, error=f"must hold 1 to {MOST} messages."),
        error_messages={"invalid": "must be a list of messages."},
    )
    timestamp = Moment()
    session_id = Id()
    assistant_id = Id()
    metadata = _metadata()

    @pre_load
    def few_enough(self, data: Any, **kwargs: Any) -> Any:
        """Refuse a long list before each of its messages is looked at."""
        messages = data.get("messages") if isinstance(data, dict) else None
        if isinstance(messages, list) and len(messages) > MOST:
            raise ValidationError(f"holds {len(messages)} messages; send at most {MOST} at once.", "messages")
        return data

    @validates_schema
    def one_or_many(self, data: dict[str, Any], **kwargs: Any) -> None:
        if "messages" not in data:
            for name in ("role", "content"):
                if name not in data:
                    raise ValidationError("is required (or send messages).", name)
            return
        for name in ("role", "content", "event_id", "name"):
            if name in data:
                raise ValidationError("belongs inside each of the messages.", name)


class RetrieveSchema(Strict):
    """What to look for, and where."""

    user_id = Id(metadata={"example": "alice", "description": WHOSE})
    query = Text(
        required=True,
        validate=[
            validate.Length(1, 10_000, error="must be 1 to 10,000 characters."),
            validate.Predicate("strip", error="must hold some text."),
        ],
        metadata={"example": "What is my job?"},
    )
    limit = Whole(validate=validate.Range(1, 100, error="must be 1 to 100."), metadata={"description": LIMIT})
    tiers = fields.List(
        Text(
            validate=validate.OneOf(
                [tier.value for tier in Tier], error="is not a tier; use one of {choices}."
            )
        ),
        validate=validate.Length(min=1, error="must name at least one tier."),
        error_messages={"invalid": "must be a list of tiers."},
        metadata={"description": "`short_term`, `mid_term`, `long_term`; all when absent."},
    )
    as_of = Moment(metadata={"description": AS_OF})
    max_tokens = Whole(
        validate=validate.Range(1, 1_000_000, error="must be 1 to 1,000,000."), metadata={"description": BUDGET}
    )
    explain = Flag(metadata={"description": "`true` adds the parts of each score, and what was left out and why."})


class RetrieveQuerySchema(RetrieveSchema):
    """The same in a URL: tiers repeated or separated by commas."""

    limit = Whole(
        text=True,
        validate=validate.Range(1, 100, error="must be 1 to 100."),
        metadata={"description": LIMIT},
    )
    as_of = Moment(text=True, metadata={"description": AS_OF})
    max_tokens = Whole(
        text=True,
        validate=validate.Range(1, 1_000_000, error="must be 1 to 1,000,000."),
        metadata={"description": BUDGET},
    )

    @pre_load
    def from_texts(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        read = dict(data)
        if isinstance(read.get("tiers"), str):
            read["tiers"] = read["tiers"].split(",")
        read["explain"] = {"true": True, "1": True, "false": False, "0": False}.get(
            str(read.get("explain", "false")), read.get("explain")
        )
        return read


class ProfileQuerySchema(Strict):
    """Whose profile."""

    user_id = Id(metadata={"example": "alice", "description": WHOSE})


class EventsQuerySchema(Strict):
    """Whose events, and which of them."""

    user_id = Id(metadata={"example": "alice", "description": WHOSE})
    session_id = Id(metadata={"description": "Of this session only."})
    cursor = Text(
        validate=validate.Length(1, 64, error="is not one that a page of events gave; begin without one."),
        metadata={"description": "`next_cursor` of the page before."},
    )
    limit = Whole(
        text=True,
        load_default=100,
        validate=validate.Range(1, MOST, error=f"must be 1 to {MOST}."),
        metadata={"description": f"Most events, 1 to {MOST}; a page of very long ones ends earlier."},
    )


class AddAnswerSchema(Schema):
    """``ok``: applied; ``accepted``: journaled and being applied; ``duplicate``: all were seen before."""

    status = fields.String(validate=validate.OneOf(["ok", "accepted", "duplicate"]))
    event_ids = fields.List(fields.String())
    duplicates = fields.List(fields.String())
    job_id = fields.String(metadata={"description": "With `accepted`: the job to ask about."})


class ResultSchema(Schema):
    """One thing remembered."""

    id = fields.String()
    tier = fields.String()
    content = fields.String()
    score = fields.Float()
    sources = fields.List(fields.String())
    created_at = fields.Raw()
    valid_to = fields.Float(metadata={"description": "When a fact ended; only what has ended has it."})


class RetrieveAnswerSchema(Schema):
    """What was found; ``results`` is the ranked union, best first."""

    short_term = fields.List(fields.Dict())
    mid_term = fields.List(fields.Dict())
    long_term = fields.Dict()
    results = fields.List(fields.Nested(ResultSchema))


class EventSchema(Schema):
    """One event, as it was said."""

    event_id = fields.String()
    role = fields.String()
    name = fields.String(allow_none=True)
    content = fields.String()
    timestamp = fields.Float()
    session_id = fields.String()
    place = fields.String(metadata={"description": "`stm`, the id of the page that holds it, or `forgotten`."})


class EventsAnswerSchema(Schema):
    """A page of events, oldest first."""

    events = fields.List(fields.Nested(EventSchema))
    next_cursor = fields.String(allow_none=True, metadata={"description": "Null at the end."})


class ProfileAnswerSchema(Schema):
    """What is believed about the user, each trait with sources and validity."""

    user_id = fields.String()
    profile = fields.Raw()
