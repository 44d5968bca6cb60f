"""What an owner's right to be forgotten takes and gives."""

from __future__ import annotations

from memoryos_app.schemas.fields import Id
from memoryos_app.schemas.memory import WHOSE, Strict


class EraseSchema(Strict):
    """Whom to erase. The user has to be named: nobody is erased by a header or by the key that was used."""

    user_id = Id(required=True, metadata={"example": "alice", "description": WHOSE.partition(";")[0] + "."})
