"""Erasing one item: it is removed, the rest is sealed with a new key, the old key is destroyed; all of it is proved."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from memoryos_tasks.core.errors import Busy, NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.ports.codec import KeyedCodec
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.remains import Remains
from memoryos_tasks.ports.resealing import Resealing
from memoryos_tasks.ports.vault import Vault
from memoryos_tasks.ports.vectors import Hit, Point, VectorStore, Where
from memoryos_tasks.services.beliefs import FACTS
from memoryos_tasks.services.erasure import COMPACT_SECONDS, GRACE_SECONDS, LOCK_SECONDS, SETTLE_SECONDS, STEP
from memoryos_tasks.services.items import MESSAGES
from memoryos_tasks.services.removal import Removal
from memoryos_tasks.services.resealed import Points
from memoryos_tasks.services.work import Progress

#: The kind of the note about an erasure of one item.
ERASURE = "erasure"
#: Passes over all that is stored until one finds nothing to seal anew.
PASSES = 8
_KINDS = {*MESSAGES, *(kind.value for kind in Kind)}
_STEPS = 5


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a user's texts are, beside the vector store."""

    remains: Remains
    resealing: Resealing
    vault: Vault


class ItemErasure:
    """Erases single items, one at a time for each user. A run that died is completed by the next one.

    A note in the vector store says what goes; its words are sealed with the key that is destroyed. The item is removed
    before that key is retired, so that no text of the new key has ever held it. ``forget`` removes what is kept of the
    user elsewhere and can be made again.
    """

    def __init__(
        self,
        removal: Removal,
        doors: Doors,
        vectors: VectorStore,
        codec: KeyedCodec,
        locks: Locks,
        clock: Callable[[], float],
        *,
        settle: Callable[[], object] = lambda: None,
        grace: float = GRACE_SECONDS,
        forget: Callable[[Owner], object] = lambda _: None,
    ) -> None:
        self._removal = removal
        self._remains, self._redis, self._vault = doors.remains, doors.resealing, doors.vault
        self._vectors = vectors
        self._codec = codec
        self._locks = locks
        self._clock = clock
        self._settle = settle
        self._grace = grace
        self._forget = forget
        self._points = Points(vectors, codec, locks)

    def item(self, job: Job, progress: Progress) -> dict[str, Any]:
        """Erase the item ``job.request["item_id"]``; the receipt.

        Raises :class:`NotFound`, and :class:`Busy` when it has to wait or something is left, to be run again.
        """
        owner, id = job.owner, str(job.request["item_id"])
        if self._redis.older(owner, job.id):
            raise Busy("Another erasure of this user has not ended; this one waits for it.")
        note = self._note(owner, job)
        if note.get("receipt"):
            return dict(note["receipt"])
        if not note:
            self._hit(owner, id)
        self._quiet(owner)
        progress(1, _STEPS)
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            note = self._begun(owner, job, id, held)
            if note.get("words") is not None:
                self._take_out(owner, job, note, held)
        removed = Counter(self._note(owner, job).get("removed") or {})
        after = self._clock()
        self._redis.stop(owner)
        progress(2, _STEPS)
        time.sleep(self._grace)
        removed["jobs"] += self._redis.remove_jobs(owner, after)
        self._forget(owner)
        doomed = set(self._vault.retired(owner))
        resealed = self._reseal(owner, doomed)
        progress(3, _STEPS)
        keys = sorted({*note.get("keys", ()), *(key.hex() for key in doomed)})
        self._vectors.patch(owner, [_id(owner, job)], {"keys": keys})
        # Whoever read a text before it was sealed anew has opened it by then.
        time.sleep(self._grace)
        _, unreadable = self._points.readable(owner)
        self._vault.destroy(owner, sorted(doomed))
        self._settle()
        rewritten = self._remains.compact(seconds=COMPACT_SECONDS)
        progress(4, _STEPS)
        readable = self._prove(owner, note, doomed, unreadable)
        receipt = {
            "user_id": owner.user,
            "item_id": id,
            "removed": dict(removed),
            "resealed": resealed,
            "readable": readable,
            "keys_destroyed": len(keys),
            "key_destroyed": True,
            "file_rewritten": rewritten,
            "verified": True,
            "at": self._clock(),
        }
        # A patch: where the user was erased meanwhile, no note comes back.
        closed = dict.fromkeys(("messages", "events", "keys", "removed"))
        self._vectors.patch(owner, [_id(owner, job)], {**closed, "receipt": receipt})
        return receipt

    def _note(self, owner: Owner, job: Job) -> Mapping[str, Any]:
        found = self._vectors.get(owner, [_id(owner, job)])
        return found[0].payload if found else {}

    def _hit(self, owner: Owner, id: str) -> Hit:
        """The item's point; one that was deleted before may be erased as well."""
        found = self._vectors.get(owner, [id])
        if not found or found[0].payload.get("kind") not in _KINDS:
            raise NotFound(f"There is no item {id!r} in this user's memory.", param="item_id")
        return found[0]

    def _quiet(self, owner: Owner) -> None:
        """Wait until what is journaled is applied, and a moment for answers that are under way."""
        end, pause = time.monotonic() + SETTLE_SECONDS, 0.05
        while True:
            working, pending = self._redis.working(owner), self._remains.pending(owner)
            if not working and not pending:
                return
            if time.monotonic() > end:
                break
            time.sleep(pause)
            pause = min(2 * pause, 1.0)  # Each look at the jobs reads all of the tenant's.
        if pending or "import" in working:
            raise Busy("Something of this user is still coming into memory; the erasure waits for it.")

    def _begun(self, owner: Owner, job: Job, id: str, held: Held) -> Mapping[str, Any]:
        """The note of what goes; written before anything does."""
        note = self._note(owner, job)
        if note:
            return note
        self._hit(owner, id)
        messages = self._removal.messages(owner, id)
        hits = self._vectors.get(owner, list({*messages, id}))
        texts = [text for hit in hits for text in self._texts(owner, hit)]
        payload = {
            "kind": ERASURE,
            "item": id,
            "messages": messages,
            "events": [hit.payload["event_id"] for hit in hits if hit.payload["kind"] in MESSAGES],
            "words": self._codec.seal(owner, json.dumps(texts, ensure_ascii=False)),
        }
        held.check()
        self._vectors.upsert(owner, [Point(_id(owner, job), payload)], fence=held.token)
        return payload

    def _texts(self, owner: Owner, hit: Hit) -> list[str]:
        text, slot = (hit.payload.get(name) for name in ("text", "slot"))
        texts = [self._codec.open(owner, text)] if text else []
        return [*texts, str(json.loads(self._codec.open(owner, slot))[2])] if slot else texts

    def _take_out(self, owner: Owner, job: Job, note: Mapping[str, Any], held: Held) -> None:
        """Remove the item everywhere, then retire the key; both may have been done by a run that died."""
        events, messages = list(note["events"]), list(note["messages"])
        words = json.loads(self._codec.open(owner, note["words"]))
        removed = Counter({"dead_letters": self._redis.remove_letters(owner, events, words)})
        self._removal.remove(owner, str(note["item"]), messages, held)
        held.check()
        removed.update(self._redis.remove_said(owner, events))
        points = [*messages, *self._blanks(owner, set(events))]
        self._vectors.delete(owner, points, fence=held.token)
        removed["memories"] = len(points) or 1
        held.check()
        if self._vault.current(owner).id == self._codec.key_of(note["words"]):
            self._vault.retire(owner)
        self._vectors.patch(
            owner, [_id(owner, job)], {"words": None, "removed": dict(removed)}, fence=held.token
        )

    def _blanks(self, owner: Owner, events: set[str]) -> list[str]:
        """What keeps these events from teaching a fact again: it is not needed without them."""
        found: list[str] = []
        cursor: str | None = None
        where = Where(owner, kinds=FACTS, equals={"deleted": True})
        while events:
            hits, cursor = self._vectors.scroll(where, limit=STEP, cursor=cursor)
            found += [hit.id for hit in hits if events.issuperset(hit.payload["sources"])]
            if cursor is None:
                break
        return found

    def _reseal(self, owner: Owner, keys: Collection[bytes]) -> dict[str, int]:
        done: Counter[str] = Counter()
        for _ in range(PASSES):
            found = {"memories": self._points.reseal(owner, keys), **self._redis.reseal(owner, keys)}
            if not any(found.values()):
                return dict(done)
            done.update(found)
        raise Busy("This user's texts are still being sealed anew; the erasure goes on.")

    def _prove(self, owner: Owner, note: Mapping[str, Any], keys: Collection[bytes], unreadable: int) -> int:
        """How many texts of the rest were read; nothing of the item is left. ``unreadable``: how many could not be
        read before the keys were destroyed."""
        ids = [str(note["item"]), *note["messages"]]
        standing = [hit for hit in self._vectors.get(owner, ids) if not _blank(hit)]
        good, bad = self._points.readable(owner)
        left = {
            **self._redis.left(owner, list(note["events"])),
            "memories": len(standing),
            "keys": sum(1 for id in keys if self._vault.find(owner, id) is not None),
            "unreadable": bad - unreadable,
        }
        if any(left.values()):
            places = ", ".join(name for name, count in left.items() if count)
            raise Busy(f"The item is not proved to be erased: {places}. The erasure runs again.")
        return good


def _blank(hit: Hit) -> bool:
    """Whether a fact's point is only what keeps it from being learned again."""
    return hit.payload.get("kind") in FACTS and bool(hit.payload.get("deleted"))


def _id(owner: Owner, job: Job) -> str:
    return owner.derive(ERASURE, job.id)
