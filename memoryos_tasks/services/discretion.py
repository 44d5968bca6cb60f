"""What of a context may leave the house."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from memoryos_tasks.core.errors import VectorsDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind, Recalled
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.services.context import Context
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.segments import Segments

#: Distilled items of which it is remembered whether they may go out.
MOST_KNOWN = 10_000


class Discretion:
    """Leaves sensitive memories out of what a model in the cloud is shown.

    A distilled item (a fact, a segment) is as sensitive as what it was made of, whatever its own words: "lives with a
    heart condition" need not name the medical record that said so. Its sources are read once.
    """

    def __init__(self, recall: Recall, segments: Segments) -> None:
        self._recall = recall
        self._segments = segments
        self._known: OrderedDict[tuple[object, ...], bool] = OrderedDict()
        self._lock = threading.Lock()

    def outward(self, owner: Owner, context: Context, guard: Sensitivity) -> Context:
        """The context without what is sensitive."""
        facts, recalled, recent = list(context.facts), list(context.recalled), list(context.recent)
        said = [*(fact.text for fact in facts), *(item.content for item in (*recalled, *recent))]
        # Nearly always nothing is, which one look at all of them tells.
        if guard.hit("\n".join(said)):
            facts = [fact for fact in facts if not guard.hit(fact.text)]
            recalled = [item for item in recalled if not guard.hit(item.content)]
            recent = [item for item in recent if not guard.hit(item.content)]
        made = [item for item in recalled if item.kind is not Kind.TURN]
        kept = self._clean(owner, [*facts, *made], guard) if facts or made else set()
        return replace(
            context,
            facts=[fact for fact in facts if fact.id in kept],
            recalled=[item for item in recalled if item.kind is Kind.TURN or item.id in kept],
            recent=recent,
        )

    def _clean(self, owner: Owner, items: Sequence[Fact | Recalled], guard: Sensitivity) -> set[str]:
        """The ids of those none of whose sources is sensitive; without the store, of those known to be so."""
        keys = {item.id: (guard, owner, item.id, item.sources) for item in items if item.sources}
        with self._lock:
            found = {id: self._known[key] for id, key in keys.items() if key in self._known}
        unknown = [item for item in items if item.id not in found]
        try:
            fresh = self._judged(owner, unknown, guard) if unknown else {}
        except VectorsDown:
            fresh = {}
        with self._lock:
            self._known.update({keys[id]: fine for id, fine in fresh.items() if id in keys})
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return {id for id, fine in (found | fresh).items() if fine}

    def _judged(self, owner: Owner, items: Sequence[Fact | Recalled], guard: Sensitivity) -> dict[str, bool]:
        told = {event_id for item in items for event_id in item.sources}
        events = self._recall.events(owner, sorted(told)) if told else []
        secret = {event.event_id for event in events if guard.hit(event.content)}
        found = {item.id: secret.isdisjoint(item.sources) for item in items}
        segments = [item.id for item in items if isinstance(item, Recalled) and item.kind is Kind.SEGMENT]
        for segment in self._segments.get(owner, segments) if segments else ():
            pages = self._segments.pages(owner, segment.page_ids)
            found[segment.id] = not any(guard.hit(page.text) for page in pages)
        return found
