"""What nodes say of themselves, as text at rest."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

from memoryos_tasks.core.plane.nodes import NodeNote

_NAMES = frozenset(each.name for each in fields(NodeNote))


def note_text(note: NodeNote) -> str:
    return json.dumps(asdict(note), ensure_ascii=False)


def note_of(text: str | bytes) -> NodeNote:
    """The note again; what a newer version added is left out."""
    return NodeNote(**{name: value for name, value in json.loads(text).items() if name in _NAMES})
