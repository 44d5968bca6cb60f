"""Erasing a user: what can be removed is removed, the key is destroyed, and both are proved before the receipt."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from memoryos_tasks.core.errors import Busy
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.locks import Held, Locks
from memoryos_tasks.ports.remains import Remains
from memoryos_tasks.ports.vault import Vault
from memoryos_tasks.ports.vectors import Hit, VectorStore, Where
from memoryos_tasks.services.work import Progress

#: Seconds after which nothing that was sealed with a retired key is still on its way to a store: a call to one ends
#: within its socket's limit and one repetition.
GRACE_SECONDS = 2.0
#: Seconds that the owner's journaled events get to be applied, so that no run has one in hand.
SETTLE_SECONDS = 5.0
#: Seconds to wait for the owner's lock.
LOCK_SECONDS = 5.0
#: Seconds that the store of record gets to rewrite its file.
COMPACT_SECONDS = 60.0
#: Points read and deleted in one step.
STEP = 500
#: Sequence numbers and times that nothing exceeds.
ALL = 2**62
_STEPS = 5


class Erasure:
    """Erases whole users. A run that died is completed by the next one.

    What is journaled after the deletion began stays, whole, under a new key; all before it goes. ``forget`` are other
    places that keep the owner's ids; ``settle`` has the embedded store write itself to disk, where it is at hand.
    """

    def __init__(
        self,
        remains: Remains,
        vectors: VectorStore,
        vault: Vault,
        locks: Locks,
        clock: Callable[[], float],
        *,
        forget: Callable[[Owner], object] = lambda owner: None,
        settle: Callable[[], object] = lambda: None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._remains = remains
        self._vectors = vectors
        self._vault = vault
        self._locks = locks
        self._clock = clock
        self._forget = forget
        self._settle = settle
        self._grace = grace

    def user(self, owner: Owner, progress: Progress) -> dict[str, Any]:
        """Erase the user; the receipt. Raises :class:`Busy` when something of the user is left, to be run again."""
        began = self._clock()
        self._remains.stop(owner)
        self._vault.retire(owner)
        doomed = set(self._vault.retired(owner))
        progress(1, _STEPS)
        self._wait(owner)
        progress(2, _STEPS)
        with self._locks.hold(owner, wait_seconds=LOCK_SECONDS) as held:
            if held is None:
                raise Busy
            cut = self._remains.newest(owner)
            removed = dict(self._remains.remove_events(owner, cut))
            removed["memories"] = self._remove_points(owner, cut, held)
            held.check()
            removed["dead_letters"] = self._remains.remove_letters(owner)
            removed["visits"] = self._remains.remove_traffic(owner)
            self._forget(owner)
        # What came between the first key and the cut was removed too: unless somebody came back meanwhile, its key
        # goes as well.
        self._vault.retire(owner)
        time.sleep(self._grace)
        removed["jobs"] = self._remains.remove_jobs(owner, began)
        stayed = self._left(owner, ALL, ALL)
        if not any(stayed.values()):
            doomed |= set(self._vault.retired(owner))
        self._vault.destroy(owner, sorted(doomed))
        self._settle()
        rewritten = self._remains.compact(seconds=COMPACT_SECONDS)
        self._prove(owner, cut, began, doomed)
        return {
            "user_id": owner.user,
            "removed": removed,
            "stayed": sum(stayed.values()),
            "keys_destroyed": len(doomed),
            "key_destroyed": True,
            "file_rewritten": rewritten,
            "verified": True,
            "at": self._clock(),
        }

    def _wait(self, owner: Owner) -> None:
        time.sleep(self._grace)
        end = time.monotonic() + SETTLE_SECONDS
        while self._remains.pending(owner) and time.monotonic() < end:
            time.sleep(0.05)

    def _remove_points(self, owner: Owner, cut: int, held: Held) -> int:
        gone = 0
        cursor: str | None = None
        while True:
            hits, cursor = self._vectors.scroll(Where(owner), limit=STEP, cursor=cursor)
            ids = [hit.id for hit in hits if _goes(hit, cut)]
            held.check()
            if ids:
                self._vectors.delete(owner, ids)
                gone += len(ids)
            if cursor is None:
                return gone

    def _left(self, owner: Owner, cut: int, before: float) -> dict[str, int]:
        """What stands in each store of the events up to ``cut``."""
        points = 0
        cursor: str | None = None
        while True:
            hits, cursor = self._vectors.scroll(Where(owner), limit=STEP, cursor=cursor)
            points += sum(1 for hit in hits if _goes(hit, cut))
            if cursor is None:
                return {**self._remains.left(owner, cut, before), "memories": points}

    def _prove(self, owner: Owner, cut: int, began: float, keys: set[bytes]) -> None:
        # A fact or a page may have been made of newer events by now; a turn tells its number.
        left: Mapping[str, int] = {
            **self._remains.left(owner, cut, began),
            "memories": len([hit for hit in self._turns(owner) if hit.payload["seq"] <= cut]),
            "keys": sum(1 for id in keys if self._vault.find(owner, id) is not None),
        }
        if any(left.values()):
            places = ", ".join(name for name, count in left.items() if count)
            raise Busy(f"Something of this user is still in: {places}. The erasure runs again.")

    def _turns(self, owner: Owner) -> list[Hit]:
        """The first numbered points in order: the oldest would be among them."""
        return self._vectors.in_order(Where(owner), limit=STEP)


def _goes(hit: Hit, cut: int) -> bool:
    """Whether a point is to be erased: a turn by its number; all that was made of turns, since under the lock nothing
    was made of newer ones yet."""
    number = hit.payload.get("seq")
    return number is None or int(number) <= cut
