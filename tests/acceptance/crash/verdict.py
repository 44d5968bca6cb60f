"""Compares what was acknowledged with what is held."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from acceptance.crash.plan import Said
from acceptance.crash.stores import Held


@dataclass(slots=True)
class Verdict:
    """Ids of acknowledged events that are gone, that stand more than once, and whatever else is wrong, in words."""

    acked: int
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"acked {self.acked} / lost {len(self.lost)} / duplicated {len(self.duplicated)}"

    def faults(self) -> str:
        """All of it, shortened; empty when nothing is wrong."""
        lines = [*(f"lost: {each}" for each in self.lost), *(f"duplicated: {each}" for each in self.duplicated)]
        lines += self.wrong
        return "\n".join([*lines[:40], *([f"… and {len(lines) - 40} more"] if len(lines) > 40 else [])])


def judge(acked: Sequence[Said], held: Mapping[str, Held]) -> Verdict:
    """Every acknowledged event stands in exactly one slot or page, has one turn, and is in order in its session."""
    verdict = Verdict(len(acked))
    for said in acked:
        memory = held[said.user]
        places = memory.places(said.event_id)
        turns = [turn for turn in memory.turns if turn["event_id"] == said.event_id]
        if not places or not turns:
            verdict.lost.append(f"{said.user}/{said.session}/{said.event_id}: places {places}, turns {len(turns)}")
        elif len(places) > 1 or len(turns) > 1:
            verdict.duplicated.append(f"{said.user}/{said.session}/{said.event_id}: places {places}, "
                                      f"turns {len(turns)}")
        elif turns[0]["place"] != places[0]:
            verdict.wrong.append(f"{said.event_id} stands in {places[0]}, its turn says {turns[0]['place']}")
    verdict.wrong += [*_disorder(acked, held), *_segments(held)]
    return verdict


def difference(sent: Sequence[str], kept: Sequence[str]) -> str:
    """Where the second list first departs from the first; empty when it does not."""
    for place, (one, other) in enumerate(zip_longest(sent, kept)):
        if one != other:
            return f"number {place + 1} of {len(sent)} is {one}, but {other} is there"
    return ""


def _disorder(acked: Iterable[Said], held: Mapping[str, Held]) -> Iterable[str]:
    sent: dict[tuple[str, str], list[str]] = defaultdict(list)
    for said in acked:
        sent[said.user, said.session].append(said.event_id)
    for (user, session), ids in sent.items():
        turns = sorted((turn for turn in held[user].turns if turn["session"] == session), key=lambda turn: turn["seq"])
        kept = [turn["event_id"] for turn in turns]
        if fault := difference([each for each in ids if each in kept], kept):
            yield f"{user}/{session}: the turns are not those that were sent, in order: {fault}"
        slots = held[user].slots.get(session, [])
        if fault := difference(kept[len(kept) - len(slots):], slots):
            yield f"{user}/{session}: short-term memory does not hold the newest events in order: {fault}"


def _segments(held: Mapping[str, Held]) -> Iterable[str]:
    for user, memory in held.items():
        counted = Counter(page for pages in memory.segments.values() for page in pages)
        for page in {*memory.pages, *counted}:
            if page not in memory.pages:
                yield f"{user}: a segment names the page {page}, which does not exist"
            elif counted[page] != 1:
                yield f"{user}: the page {page} stands in {counted[page]} segments"
