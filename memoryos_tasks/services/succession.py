"""What of a search's hits is over because a newer message of the user tells otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.sought import Sought
from memoryos_tasks.core.succession import ruled
from memoryos_tasks.core.told import Said
from memoryos_tasks.ports.vectors import Hit
from memoryos_tasks.services.standing import Asked

#: The list of turns that tell of the matter, though they share no word with the question.
TOLD = "told"
def succeeded(
    lists: Mapping[str, Sequence[Hit]], asked: Asked, wanted: Sought, opened: Callable[[str], str]
) -> tuple[str, dict[str, Hit]]:
    """The id of the turn that tells what holds now ('' for none is known), and the hits that are over, by id.

    ``opened`` opens a sealed text. What several named speakers say is nobody's succession.
    """
    hits = {hit.id: hit for found in lists.values() for hit in found}
    turns = {id: hit for id, hit in hits.items() if hit.payload["kind"] == Kind.TURN and hit.payload["role"] == "user"}
    names = (hit.payload.get("name") for hit in turns.values())
    if len({opened(name) if name else None for name in names}) > 1:
        return "", {}
    known = {source for hit in asked.facts for source in hit.payload["sources"]}
    alone = {source for hit in asked.facts if not hit.payload.get("many") for source in hit.payload["sources"]}

    def told(id: str, hit: Hit) -> Said:
        payload = hit.payload
        text, event = opened(payload["text"]), payload["event_id"]
        return Said(id, text, payload["timestamp"], event in known, event in alone, payload["seq"])

    said = [told(id, hit) for id, hit in turns.items()]
    ruling = ruled(wanted, said)
    if not ruling.current:
        return "", {}
    current = turns[ruling.current].payload
    over = {turns[id].payload["event_id"] for id in ruling.over}

    def ended(hit: Hit) -> bool:
        payload = hit.payload
        if payload["kind"] == Kind.TURN:
            return payload["event_id"] in over
        sources = set(payload.get("sources", ()))
        if "key" in payload:  # a fact; one that was put right by hand since then keeps its sources
            return bool(sources) and sources <= over and payload["valid_from"] <= current["timestamp"]
        return bool(sources & over)

    return ruling.current, {id: hit for id, hit in hits.items() if ended(hit)}
