"""A node's seat in etcd: one lease that holds its note and, while it is the scheduler, the scheduler's key."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from etcd3gw.client import Etcd3Client
from etcd3gw.lease import Lease

from memoryos_tasks.adapters.plane.etcd_members import EtcdMembers, get, is_at, put, rows
from memoryos_tasks.adapters.plane.etcd_registry import nodes_key, registry_key, scheduler_key
from memoryos_tasks.adapters.plane.notes import note_of, note_text
from memoryos_tasks.core.errors import RegistryDown
from memoryos_tasks.core.plane.nodes import Newest, NodeNote, NodeStatus, status

#: Seconds between two writes of a note in which only the time is new: etcd keeps every version until it is compacted.
NOTE_SECONDS = 5.0


class EtcdSeat:
    """See :class:`memoryos_tasks.ports.plane.election.Seat`.

    The scheduler's key is made by a transaction that finds it missing and dies with the lease; the revision at which
    it was made is the term's token.
    """

    def __init__(self, members: Sequence[str], prefix: str, *, timeout: float, lease_seconds: float) -> None:
        self._members = EtcdMembers(members, timeout=timeout)
        #: For callers in other threads than the one that beats.
        self._asked = EtcdMembers(members, timeout=timeout)
        self._registry, self._scheduler = registry_key(prefix), scheduler_key(prefix)
        self._nodes = nodes_key(prefix)
        self._ttl = int(lease_seconds)
        self._lease = 0
        self._noted: NodeNote | None = None
        self._noted_at = 0.0

    def beat(self, note: NodeNote) -> int:
        if not self._lease or not self._kept():
            self._noted = None
            self._lease = int(self._members.call(lambda client: client.lease(self._ttl)).id)
        try:
            self._say(note)
            return self._claim(note.id)
        except RegistryDown as error:
            if "lease not found" in error.message:
                self._lease = 0  # It ran out since it was renewed; the next word asks for another.
            raise

    def look(self) -> Sequence[NodeStatus]:
        answer = self._asked.transaction([], [
            get(self._nodes, self._nodes[:-1] + "0"), get(self._scheduler), get(self._registry)])
        held, kept = rows(answer, 1), rows(answer, 2)
        scheduler = json.loads(held[0][0])["node"] if held else None
        newest = Newest()
        if kept:
            newest = Newest(int(kept[0][1]["mod_revision"]), float(json.loads(kept[0][0])["at"]))
        now = time.time()
        # Several processes may be one node; the one that was in step last speaks for it.
        notes = sorted((note_of(text) for text, _ in rows(answer, 0)), key=lambda note: note.synced_at)
        latest = {note.id: note for note in notes}
        return [status(latest[id], scheduler=scheduler, newest=newest, now=now) for id in sorted(latest)]

    def leave(self) -> None:
        lease, self._lease = self._lease, 0
        if lease:
            self._members.call(lambda client: Lease(lease, client).revoke())

    def _kept(self) -> bool:
        def renew(client: Etcd3Client) -> int:
            return Lease(self._lease, client).refresh()

        return self._members.call(renew) > 0

    def _say(self, note: NodeNote) -> None:
        said = self._noted
        same = said is not None and (said.revision, said.delay_ms) == (note.revision, note.delay_ms)
        if same and time.monotonic() - self._noted_at < NOTE_SECONDS:
            return
        key = f"{self._nodes}{note.id}/{self._lease}"
        self._members.transaction([], [put(key, note_text(note), self._lease)])
        self._noted, self._noted_at = note, time.monotonic()

    def _claim(self, id: str) -> int:
        answer = self._members.transaction(
            [is_at(self._scheduler, "create", 0)], [put(self._scheduler, json.dumps({"node": id}), self._lease)],
            [get(self._scheduler)])
        if answer.get("succeeded"):
            return int(answer["header"]["revision"])
        [(_, row)] = rows(answer, 0)
        return int(row["create_revision"]) if int(row.get("lease", 0)) == self._lease else 0
