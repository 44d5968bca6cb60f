"""Dead letters as operators ask for them and see them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from memoryos_app.dead_letters import ID, LISTS, MOST
from memoryos_app.schemas.fields import Flag, Text, Whole
from memoryos_app.schemas.memory import Strict

#: Letters shown when the query names no limit.
SHOWN = 100
_SOME = validate.Range(1, MOST, error=f"must be 1 to {MOST:,}.")


def _queue() -> Text:
    return Text(
        validate=validate.OneOf(LISTS, error="is not a list of dead letters; use one of {choices}."),
        metadata={"description": "One list; all when absent."},
    )


def _cursor() -> Text:
    return Text(
        validate=validate.Regexp(ID, error="is not a next_cursor of this call."),
        metadata={"description": "`next_cursor` of the answer before."},
    )


class LettersQuerySchema(Strict):
    """Which letters to list."""

    queue = _queue()
    limit = Whole(text=True, load_default=SHOWN, validate=_SOME)
    cursor = _cursor()


class LetterQuerySchema(Strict):
    """How much of a letter to show."""

    payload = fields.Boolean(
        truthy={"true", "1"},
        falsy={"false", "0"},
        load_default=False,
        error_messages={"invalid": "must be true or false."},
        metadata={"description": "`true` adds `body`, the original with what the user wrote."},
    )


class ChooseSchema(Strict):
    """Which letters: one of `ids`, `queue` and `all`."""

    ids = fields.List(
        Text(),
        validate=validate.Length(1, MOST, error=f"must name 1 to {MOST:,} letters."),
        error_messages={"invalid": "must be a list of letter ids."},
        metadata={"example": ["memory:1700000000000-0"]},
    )
    queue = _queue()
    all = Flag(metadata={"description": "`true` means every list; nothing else does."})
    count = Whole(
        validate=_SOME, metadata={"description": f"Of `queue` or `all`: at most this many; {MOST:,} when absent."}
    )
    cursor = _cursor()
    dry_run = Flag(load_default=False, metadata={"description": "`true` only tells which letters are meant."})

    @validates_schema
    def stated(self, data: dict[str, Any], **kwargs: Any) -> None:
        """Nothing is meant by saying nothing."""
        said = [name for name in ("ids", "queue", "all") if data.get(name)]
        if not said:
            raise ValidationError(
                'Say which dead letters are meant: "ids": […], "queue": "memory", or "all": true for every one.'
            )
        if len(said) > 1:
            raise ValidationError(f"cannot stand beside {said[0]}; say only one of ids, queue and all.", said[1])
        for name in ("count", "cursor"):
            if name in data and said == ["ids"]:
                raise ValidationError("goes with queue or all, not with ids.", name)


class LetterSchema(Schema):
    """A dead letter, without what users wrote. Times are in seconds since the epoch, UTC."""

    id = fields.String(metadata={"example": "memory:1700000000000-0"})
    queue = fields.String(metadata={"enum": list(LISTS)})
    kind = fields.String(metadata={"description": "The job's kind; `event`; `message` for what no task took."})
    tenant = fields.String()
    subject = fields.String(metadata={"description": "The id of the job or event."})
    task = fields.String()
    reason = fields.String(metadata={"description": "An error code: why it is here."})
    message = fields.String(metadata={"description": "The same in words."})
    exception = fields.String()
    attempts = fields.Integer()
    first_seen = fields.Float()
    last_seen = fields.Float()
    request_id = fields.String()
    replaying = fields.Boolean(metadata={"description": "A replay of it has not ended."})


class WholeLetterSchema(LetterSchema):
    """All of a dead letter."""

    traceback = fields.String(metadata={"description": "Places, never values."})
    headers = fields.Dict()
    body = fields.String(metadata={"description": "Only with `payload=true`: the original."})


class LettersSchema(Schema):
    """How many letters each list holds, and the letters themselves, oldest first."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    letters = fields.List(fields.Nested(LetterSchema))
    next_cursor = fields.String(allow_none=True)


class HandledLetterSchema(LetterSchema):
    """A letter and what was done."""

    outcome = fields.String(
        metadata={
            "enum": ["replayed", "skipped", "busy", "impossible", "purged", "not_found", "chosen"],
            "description": "`skipped`: it has succeeded since and is gone. `busy`: a replay of it has not ended. "
            "`impossible`: it cannot run. `chosen`: a dry run did nothing to it.",
        }
    )


class HandledSchema(Schema):
    """What became of each letter; `next_cursor` says that more are left behind the last one."""

    dry_run = fields.Boolean()
    letters = fields.List(fields.Nested(HandledLetterSchema))
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    next_cursor = fields.String(allow_none=True)
