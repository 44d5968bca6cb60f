"""What an owner changes by hand, one item at a time: correct, delete, like or dislike, undo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from memoryos_tasks.core import heat
from memoryos_tasks.core.errors import Busy, InvalidRequest
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind, Segment
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.vectors import Hit, Point, VectorStore
from memoryos_tasks.services.beliefs import FACTS, Beliefs
from memoryos_tasks.services.items import CHANGE, MESSAGES, Items
from memoryos_tasks.services.removal import Removal
from memoryos_tasks.services.segments import Segments

#: Seconds to wait for the owner's lock; who waits for the answer waits no longer than this and the work.
LOCK_SECONDS = 2.0
#: What a like adds to the confidence of a fact, and to the warmth of a segment (as much as two visits); a dislike takes
#: as much off.
SURE, WARM = 0.2, 2 * heat.ALPHA
#: What makes a segment's heat.
HEATED = ("warmth", "warmed_at", "heat")
SIGNS = {"like": 1, "dislike": -1}


class Changes:
    """Makes one change for each job, under the owner's lock, however often the job is run.

    A note of the change is written before it (what was there, sealed) and completed after it: a run that finds its
    note makes the same change again, from what was there before.
    """

    def __init__(
        self,
        items: Items,
        beliefs: Beliefs,
        segments: Segments,
        removal: Removal,
        vectors: VectorStore,
        codec: Codec,
        locks: Locks,
    ) -> None:
        self._items = items
        self._beliefs = beliefs
        self._segments = segments
        self._removal = removal
        self._vectors = vectors
        self._codec = codec
        self._locks = locks

    def make(self, job: Job) -> dict[str, Any]:
        """Make the change of ``job.request``: ``{"item", "action", "at", …}``; the item as it is now, or what went.

        Raises :class:`NotFound`, :class:`InvalidRequest` for what cannot be changed so, and :class:`Busy`.
        """
        owner, asked = job.owner, job.request
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            note = _Note(self, owner, job, held)
            if note.done and asked["action"] == "delete":
                return {"id": asked["item"], "deleted": True}
            if note.done:
                return self._items.one(owner, {"id": note.made})
            if asked["action"] == "delete":
                result = self._delete(owner, str(asked["item"]), note, held)
            else:
                hit = self._items.hit(owner, str(asked["item"]))
                act = {"patch": self._patch, "feedback": self._feedback, "undo": self._undo}[str(asked["action"])]
                held.check()
                result = self._items.one(owner, {"id": act(owner, hit, asked, note, held)})
            note.complete(str(result["id"]))
        return result

    def _delete(self, owner: Owner, id: str, note: _Note, held: Held) -> dict[str, Any]:
        if not note.begun:
            self._items.hit(owner, id)
            note.begin({"messages": self._removal.messages(owner, id)})
        self._removal.remove(owner, id, note.before["messages"], held)
        return {"id": id, "deleted": True}

    def _patch(self, owner: Owner, hit: Hit, asked: Mapping[str, Any], note: _Note, held: Held) -> str:
        kind = Kind.TURN.value if hit.payload["kind"] in MESSAGES else hit.payload["kind"]
        if kind in FACTS:
            return self._correct(owner, hit.id, asked, note, held)
        if kind != Kind.SEGMENT.value:
            raise InvalidRequest(f"A {kind} is what was said, and is not rewritten; delete it, or add what is right.",
                                 param="id")
        if "value" in asked or "content" not in asked:
            raise InvalidRequest("value: a segment has a summary only; send it as 'content'.", param="value")
        segment = self._segment(owner, hit.id)
        note.begin({"content": segment.summary, "written": segment.written})
        self._segments.save(owner, [replace(segment, summary=asked["content"], written=True)], fence=held.token)
        return hit.id

    def _correct(self, owner: Owner, id: str, asked: Mapping[str, Any], note: _Note, held: Held) -> str:
        (fact,) = self._beliefs.get(owner, [id])
        if fact.superseded_by is not None and not note.begun:
            said = f"This version has ended; the one that replaced it is {fact.superseded_by!r}."
            raise InvalidRequest(said, param="id")
        note.begin({"content": fact.text, "value": fact.value})
        value = str(asked.get("value") or fact.value)
        new = self._beliefs.replace(owner, id, value, at=float(asked["at"]), fence=held.token)
        if "content" in asked:
            self._beliefs.save(owner, [replace(new, text=asked["content"])], fence=held.token)
        return new.id

    def _feedback(self, owner: Owner, hit: Hit, asked: Mapping[str, Any], note: _Note, held: Held) -> str:
        sign = SIGNS[str(asked["value"])]
        if hit.payload["kind"] in FACTS:
            (fact,) = self._beliefs.get(owner, [hit.id])
            before = note.begin({"confidence": fact.confidence})["confidence"]
            self._sure(owner, fact, before + sign * SURE, held)
            return hit.id
        segment = self._segment(owner, self._heated(owner, hit))
        before = note.begin({"segment": segment.id, **{name: getattr(segment, name) for name in HEATED}})
        warm = replace(segment, **{name: before[name] for name in HEATED})
        self._segments.save(owner, [heat.warmed(warm, float(asked["at"]), sign * WARM)], fence=held.token)
        return hit.id

    def _heated(self, owner: Owner, hit: Hit) -> str:
        """The segment whose heat stands for the item."""
        if hit.payload["kind"] == Kind.SEGMENT.value:
            return hit.id
        page = hit if hit.payload["kind"] == Kind.PAGE.value else None
        if page is None:
            found = self._segments.pages(owner, [str(hit.payload["place"])])
            segment = found[0].segment_id if found else ""
        else:
            segment = str(page.payload["segment"])
        if not segment:
            raise InvalidRequest("This message belongs to no segment yet, so it has no heat to move.", param="id")
        return segment

    def _undo(self, owner: Owner, hit: Hit, asked: Mapping[str, Any], note: _Note, held: Held) -> str:
        last = self._last(owner, hit.id, note)
        if last is not None and not (hit.payload["kind"] in FACTS and last.payload["action"] == "patch"):
            before = json.loads(self._codec.open(owner, last.payload["before"]))
            note.begin({"of": last.id})
            self._restore(owner, hit, before, held)
            self._vectors.patch(owner, [last.id], {"undone": True}, fence=held.token)
            return hit.id
        if hit.payload["kind"] not in FACTS:
            raise InvalidRequest("Nothing was changed by hand here, so there is nothing to undo.", param="id")
        believed = self._step_back(owner, hit.id, note, held)
        corrected = [one.id for one in self._items.changes(owner, believed) if one.payload["action"] == "patch"]
        self._vectors.patch(owner, corrected[-1:], {"undone": True}, fence=held.token)
        return believed

    def _last(self, owner: Owner, id: str, note: _Note) -> Hit | None:
        """The newest change that stands; the one that this job undoes, when it has begun."""
        changes = self._items.changes(owner, id)
        if note.begun:
            return next((hit for hit in changes if hit.id == note.before.get("of")), None)
        standing = [hit for hit in changes if hit.payload["action"] != "undo" and not hit.payload.get("undone")]
        return standing[-1] if standing else None

    def _restore(self, owner: Owner, hit: Hit, before: Mapping[str, Any], held: Held) -> None:
        if "confidence" in before:
            (fact,) = self._beliefs.get(owner, [hit.id])
            self._sure(owner, fact, before["confidence"], held)
            return
        segment = self._segment(owner, str(before.get("segment") or hit.id))
        if "content" in before:
            segment = replace(segment, summary=before["content"], written=before["written"])
        else:
            segment = replace(segment, **{name: before[name] for name in HEATED})
        self._segments.save(owner, [segment], fence=held.token)

    def _step_back(self, owner: Owner, id: str, note: _Note, held: Held) -> str:
        """Undo the last change of a fact's slot; the id of the fact that is believed then, or of the one undone."""
        versions = self._beliefs.history(owner, id)
        if not note.begun and not _replaced(versions):
            raise InvalidRequest("Nothing was replaced here, so there is nothing to undo; delete it.", param="id")
        ended = {fact.id: fact.superseded_by for fact in versions}
        before = note.begin({"slot": ended})["slot"]
        if ended == before:
            revived = self._beliefs.undo(owner, id, fence=held.token)
            return revived.id if revived is not None else id
        # An earlier run of this job was cut off: what it had still to revive is revived.
        standing = [fact for fact in versions if before.get(fact.id, "") is None]
        last = standing[-1].id if standing else id
        back = [replace(fact, valid_to=None, superseded_by=None) for fact in versions if before.get(fact.id) == last]
        self._beliefs.save(owner, back, fence=held.token)
        return back[-1].id if back else id

    def _sure(self, owner: Owner, fact: Fact, confidence: float, held: Held) -> None:
        self._beliefs.rate(owner, fact.id, min(1.0, max(0.0, confidence)) - fact.confidence, fence=held.token)

    def _segment(self, owner: Owner, id: str) -> Segment:
        found = self._segments.get(owner, [id])
        if not found:
            raise Busy("The segment is being moved; try again.")
        return found[0]


def _replaced(versions: Sequence[Fact]) -> bool:
    """Whether the version that stands has replaced one that held; one that was taken back never has."""
    standing = [one for one in versions if one.superseded_by is None]
    last = (standing or versions)[-1]
    return any(one.superseded_by == last.id and (one.valid_to or 0.0) > one.valid_from for one in versions)


class _Note:
    """The note of one job's change."""

    def __init__(self, changes: Changes, owner: Owner, job: Job, held: Held) -> None:
        self._vectors, self._codec = changes._vectors, changes._codec
        self._owner, self._asked, self._held = owner, job.request, held
        self.id = owner.derive("change", job.id)
        found = self._vectors.get(owner, [self.id])
        self._payload: Mapping[str, Any] = found[0].payload if found else {}
        #: Whether an earlier run has begun, and whether it came to the end.
        self.begun = bool(found)
        self.done = bool(self._payload.get("done"))

    @property
    def before(self) -> dict[str, Any]:
        """What was there before the change."""
        opened: dict[str, Any] = json.loads(self._codec.open(self._owner, self._payload["before"]))
        return opened

    @property
    def made(self) -> str:
        """The id of the item that a completed change has made."""
        return str(self._payload["made"])

    def begin(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """Note what is there before the change; what was noted by an earlier run, if one has begun."""
        if not self.begun:
            payload = {
                "kind": CHANGE,
                "item": self._asked["item"],
                "action": self._asked["action"],
                "at": self._asked["at"],
                "before": self._codec.seal(self._owner, json.dumps(before, ensure_ascii=False)),
            }
            self._held.check()
            self._vectors.upsert(self._owner, [Point(self.id, payload)], fence=self._held.token)
            self._payload, self.begun = payload, True
        return self.before

    def complete(self, made: str) -> None:
        """The change is made."""
        self._vectors.patch(self._owner, [self.id], {"done": True, "made": made}, fence=self._held.token)

