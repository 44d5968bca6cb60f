"""Requests and answers of the calls about single items."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from memoryos_app.schemas.fields import Flag, Id, Text, Whole
from memoryos_app.schemas.memory import WHOSE, Strict
from memoryos_tasks.core.items import Kind, Tier

#: Most items in one page.
MOST = 500
#: Longest text of a fact or a summary, in characters.
MOST_TEXT = 10_000


def _user() -> Id:
    return Id(metadata={"example": "alice", "description": WHOSE})


def _text(description: str) -> Text:
    return Text(
        validate=[
            validate.Length(1, MOST_TEXT, error=f"must be 1 to {MOST_TEXT} characters."),
            validate.Predicate("strip", error="must hold some text."),
        ],
        metadata={"description": description},
    )


class WhoseSchema(Strict):
    """Whose item."""

    user_id = _user()


class ItemsQuerySchema(Strict):
    """Which items."""

    user_id = _user()
    tier = Text(validate=validate.OneOf([tier.value for tier in Tier], error="is not a tier; use one of {choices}."))
    kind = Text(
        validate=validate.OneOf([kind.value for kind in Kind], error="is not a kind; use one of {choices}."),
        metadata={"description": "Segments, pages, knowledge and traits when neither tier nor kind is given."},
    )
    ended = Flag(metadata={"description": "`true` adds facts that are not believed any more."})
    cursor = Text(
        validate=validate.Length(1, 96, error="is not one that a page of items gave; begin without one."),
        metadata={"description": "`next_cursor` of the page before."},
    )
    limit = Whole(
        text=True,
        load_default=100,
        validate=validate.Range(1, MOST, error=f"must be 1 to {MOST}."),
        metadata={"description": f"Most items, 1 to {MOST}."},
    )

    @pre_load
    def from_texts(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        if "ended" not in data:
            return data
        known = {"true": True, "1": True, "false": False, "0": False}
        return {**data, "ended": known.get(str(data["ended"]), data["ended"])}


class CorrectSchema(Strict):
    """What is right: the value of a fact, the sentence that tells it, or the summary of a segment."""

    user_id = _user()
    value = _text("A fact's value; the sentence is made to say it.")
    content = _text("The sentence that tells a fact, or a segment's summary.")

    @validates_schema
    def something(self, data: dict[str, Any], **kwargs: Any) -> None:
        if "value" not in data and "content" not in data:
            raise ValidationError("is required (or content).", "value")


class FeedbackSchema(Strict):
    """Whether the item was of use."""

    user_id = _user()
    value = Text(
        required=True,
        validate=validate.OneOf(["like", "dislike"], error="must be like or dislike."),
        metadata={"example": "like"},
    )


class ItemSchema(Schema):
    """One item; what else it has depends on its kind."""

    id = fields.String()
    tier = fields.String()
    kind = fields.String()
    content = fields.String()
    sources = fields.List(fields.String(), metadata={"description": "Ids of the events that it comes from."})
    created_at = fields.Float()


class ItemsAnswerSchema(Schema):
    """A page of items."""

    items = fields.List(fields.Nested(ItemSchema))
    next_cursor = fields.String(allow_none=True, metadata={"description": "Null at the end."})


class HistoryAnswerSchema(Schema):
    """What an item was."""

    id = fields.String()
    versions = fields.List(fields.Nested(ItemSchema), metadata={"description": "Oldest first."})
    changes = fields.List(fields.Dict(), metadata={"description": "Changes made by hand, oldest first."})


class DeletedSchema(Schema):
    """What went."""

    id = fields.String()
    deleted = fields.Boolean()
