"""Dialogues in which a fact changes, or stays: how they are read, and what must be found after one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
#: The first message, and the seconds between two: the last one is in the past.
START, STEP = 1_760_000_000.0, 3_600.0


@dataclass(frozen=True)
class Dialogue:
    """``messages`` are (role, text); ``old`` and ``new`` the places of those that say the old and the new fact.

    Where the fact stays, ``new`` is a later message that does not change it, and ``new_value`` is empty.
    """

    messages: tuple[tuple[str, str], ...]
    old: int
    new: int
    question: str
    old_value: str
    new_value: str

    def event_id(self, place: int) -> str:
        return f"m{place}"

    @staticmethod
    def time(place: int) -> float:
        return START + place * STEP

    def current_first(self, results: Sequence[Mapping[str, Any]]) -> str:
        """What is wrong with the results now, '' for nothing: the new fact is first and the old one is not there."""
        if not results or self.event_id(self.new) not in results[0]["sources"]:
            return f"first is {results[0]['content']!r}" if results else "nothing found"
        return self._without(results, self.old, self.old_value, self.new_value)

    def former_found(self, results: Sequence[Mapping[str, Any]]) -> str:
        """What is wrong with the results as of the time before the change, '' for nothing."""
        if not any(self.event_id(self.old) in row["sources"] for row in results[:3]):
            return "the old fact is not there"
        return self._without(results, self.new, self.new_value, self.old_value)

    def kept(self, results: Sequence[Mapping[str, Any]]) -> str:
        """What is wrong with the results where the fact stays, '' for nothing: it is there."""
        if any(self.event_id(self.old) in row["sources"] for row in results):
            return ""
        return f"it is lost, first is {results[0]['content']!r}" if results else "nothing found"

    def _without(self, results: Sequence[Mapping[str, Any]], place: int, value: str, right: str) -> str:
        id = self.event_id(place)
        for row in results:
            says = value in row["content"] and right not in row["content"] and row.get("role", "user") == "user"
            if (row["kind"] == "turn" and row["sources"] == [id]) or says:
                return f"there is {row['content']!r}"
        return ""


def dialogues(name: str) -> list[Dialogue]:
    """The dialogues of a file; its head says how it is written."""
    blocks = (DATA / name).read_text(encoding="utf-8").split("\n\n")
    return [_dialogue(block.splitlines()) for block in blocks if block.strip() and not block.startswith("#")]


def _dialogue(lines: Sequence[str]) -> Dialogue:
    said = [line for line in lines if line[0] in "-=<>"]
    other = {line[0]: line[2:] for line in lines if line[0] in "?xv"}
    return Dialogue(
        messages=tuple(("assistant" if line[0] == "=" else "user", line[2:]) for line in said),
        old=next(place for place, line in enumerate(said) if line[0] == "<"),
        new=next(place for place, line in enumerate(said) if line[0] == ">"),
        question=other["?"],
        old_value=other["x"],
        new_value=other.get("v", ""),
    )
