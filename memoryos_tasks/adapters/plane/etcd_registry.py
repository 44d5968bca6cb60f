"""The registry in etcd: one key, whose revision of modification is the registry's; writes are transactions on it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from memoryos_tasks.adapters.plane.etcd_members import EtcdMembers, get, is_at, put, rows
from memoryos_tasks.adapters.plane.etcd_watch import EtcdWatch
from memoryos_tasks.adapters.plane.store import Kept
from memoryos_tasks.core.errors import LostClaim
from memoryos_tasks.core.plane.nodes import Term


def registry_key(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/registry"


def scheduler_key(prefix: str) -> str:
    return f"{prefix.rstrip('/')}/scheduler"


def nodes_key(prefix: str) -> str:
    """What the keys of all nodes begin with; etcd sorts bytes, so that ``nodes0`` is the end of ``nodes/``."""
    return f"{prefix.rstrip('/')}/nodes/"


class EtcdStore:
    """See :class:`memoryos_tasks.adapters.plane.store.Store`. Reads go through the cluster's majority, so that none is
    older than a write that was confirmed. ``silence``: seconds after which a follower that hears nothing looks."""

    def __init__(self, members: Sequence[str], prefix: str, *, timeout: float, silence: float) -> None:
        self._members = EtcdMembers(members, timeout=timeout)
        self._key, self._scheduler = registry_key(prefix), scheduler_key(prefix)
        self._watches = [
            EtcdWatch(members, self._key, timeout=timeout, silence=silence, first=worker)
            for worker in range(len(members))
        ]

    @property
    def followers(self) -> int:
        """How many may follow at a time: one at each member."""
        return len(self._watches)

    def read(self) -> Kept:
        found = rows(self._members.transaction([], [get(self._key)]), 0)
        return Kept(found[0][0], int(found[0][1]["mod_revision"])) if found else Kept()

    def swap(self, revision: int, document: str, term: Term | None) -> bool:
        compare = [is_at(self._key, "mod", revision)]
        if term is not None:
            compare.append(is_at(self._scheduler, "create", term.token))
        answer = self._members.transaction(compare, [put(self._key, document)], [get(self._scheduler)])
        if answer.get("succeeded"):
            return True
        found = rows(answer, 0)
        if term is not None and (not found or int(found[0][1]["create_revision"]) != term.token):
            raise LostClaim("Another node is the scheduler by now; this one's change was not made.")
        return False

    def wait(self, revision: int, worker: int, stop: threading.Event) -> None:
        self._watches[worker].wait(revision, stop)

    def close(self) -> None:
        for watch in self._watches:
            watch.close()
