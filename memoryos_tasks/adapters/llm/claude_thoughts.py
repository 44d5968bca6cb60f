"""Claude's thoughts around tool calls: kept from an answer, put back before the calls they led to.

The vendor wants ``thinking`` and ``redacted_thinking`` blocks back unmodified, in their places, with the results of
the tools. OpenAI's clients do not carry them, so they are kept by tool-call id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Block = dict[str, Any]

THOUGHTS = ("thinking", "redacted_thinking")


class Thoughts:
    """Collects the blocks of one answer, in order."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._since: list[Block] = []
        self._by_call: dict[str, list[Block]] = {}

    def add(self, block: Block) -> None:
        """A whole text or thought."""
        self._since.append(block)

    def called(self, id: str) -> None:
        """A tool call: what came before it belongs to it."""
        self._by_call[id] = self._since
        self._since = []

    def parts(self) -> dict[str, dict[str, Any]]:
        """What to keep, by tool-call id; nothing where nothing was thought."""
        if not any(block["type"] in THOUGHTS for before in self._by_call.values() for block in before):
            return {}
        return {id: {"model": self._model, "before": before} for id, before in self._by_call.items() if before}


def of_model(kept: Mapping[str, Mapping[str, Any]], model: str) -> dict[str, Mapping[str, Any]]:
    """What the same model thought; another cannot read it."""
    return {id: parts for id, parts in kept.items() if parts.get("model") == model}


def restored(
    said: list[Block], calls: Sequence[tuple[str, Block]], kept: Mapping[str, Mapping[str, Any]]
) -> list[Block]:
    """An assistant's turn: what was ``said``, then the calls, with the kept thoughts where they stood.

    Texts stand where they stood too, as long as the client sends back what the model said. What the client says
    counts.
    """
    before = {id: list(kept.get(id, {}).get("before") or ()) for id, _ in calls}
    told = "".join(block["text"] for each in before.values() for block in each if block["type"] == "text")
    as_it_was = bool(told) and told == "".join(block["text"] for block in said)
    wanted = ("text", *THOUGHTS) if as_it_was else THOUGHTS
    turn: list[Block] = []
    for id, call in calls:
        turn += [block for block in before[id] if block["type"] in wanted and block.get("text", "x").strip()]
        if said and not as_it_was:
            turn += said
            said = []
        turn.append(call)
    return turn if as_it_was else turn + said
