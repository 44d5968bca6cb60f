"""What an owner's right to be forgotten takes and gives."""

from __future__ import annotations

from typing import Any

from marshmallow import pre_load, validate

from memoryos_app.schemas.fields import Id, Text
from memoryos_app.schemas.memory import WHOSE, Strict


class EraseSchema(Strict):
    """Whom or what to erase. The user has to be named: nobody is erased by a header or by the key that was used."""

    user_id = Id(required=True, metadata={"example": "alice", "description": WHOSE.partition(";")[0] + "."})
    item_id = Text(
        validate=validate.Length(1, 64, error="is not the id of an item."),
        metadata={"description": "One item, by its id; without it the whole user goes."},
    )

    @pre_load
    def drop_nulls(self, data: Any, **kwargs: Any) -> Any:
        """A null here is an error: it must not make the erasure of an item that of a user."""
        return data
