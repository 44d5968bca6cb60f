"""Memory on stand-ins with all that an owner may do to it; events are applied as soon as they are told."""

from __future__ import annotations

from typing import Any

from fake_vectors import FakeVectors
from fakes import FakeHeld, FakeJournal, FakeKeeper, FakeLedger, FakeLocks, FakeRuns, FakeStm, WordEmbedder, make_event

from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Fact
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.changes import Changes
from memoryos_tasks.services.consolidation import Consolidation
from memoryos_tasks.services.exporting import Exporting
from memoryos_tasks.services.importing import Importing
from memoryos_tasks.services.ingest import Ingest
from memoryos_tasks.services.items import Items
from memoryos_tasks.services.recall import Recall
from memoryos_tasks.services.removal import Removal
from memoryos_tasks.services.segments import Segments
from memoryos_tasks.services.work import Work

ALICE, BOB, STRANGER = Owner("acme", "alice"), Owner("acme", "bob"), Owner("other", "alice")
NOW = 1_800_000_000.0


class Reversed:
    """What is sealed is not the text, so that what is not sealed shows; nobody opens another's."""

    def seal(self, owner: Owner, text: str) -> str:
        return f"{owner.tenant}/{owner.user}|{text[::-1]}"

    def open(self, owner: Owner, sealed: str) -> str:
        mark = f"{owner.tenant}/{owner.user}|"
        assert sealed.startswith(mark)
        return sealed.removeprefix(mark)[::-1]

    def shut(self, owner: Owner) -> bool:
        return False


class RightsHouse:
    """The services of one worker, on stand-ins where ``real`` names no adapter."""

    def __init__(self, **real: Any) -> None:
        self.vectors: Any = real.get("vectors") or FakeVectors()
        self.stm: Any = real.get("stm") or FakeStm()
        self.ledger: Any = real.get("ledger") or FakeLedger()
        self.journal: Any = real.get("journal") or FakeJournal(stm=self.stm)
        self.locks: Any = real.get("locks") or FakeLocks(FakeHeld(token=7))
        self.runs = FakeRuns()
        codec: Any = real.get("codec") or Reversed()
        embedder: Any = real.get("embedder") or WordEmbedder()
        secret: Any = real.get("secret") or (lambda tenant: b"")
        self.recall = Recall(self.vectors, embedder, codec, secret)
        self.beliefs = Beliefs(self.vectors, self.recall, codec, secret)
        self.segments = Segments(self.vectors, self.recall, codec)
        self.ingest = Ingest(
            self.journal, self.stm, self.recall, self.beliefs, self.locks, self.runs, 20, lambda owner, session: None
        )
        self.consolidation = Consolidation(self.stm, self.segments, embedder, self.locks, lambda: NOW)
        self.items = Items(self.vectors, self.recall, self.beliefs, self.segments, codec, self.ingest.settle)
        self.removal = Removal(self.vectors, self.recall, self.beliefs, self.segments, self.stm, embedder, codec)
        self.changes = Changes(
            self.items, self.beliefs, self.segments, self.removal, self.vectors, codec, self.locks
        )
        self.exporting = Exporting(
            self.journal, self.vectors, self.recall, self.beliefs, self.segments, self.ingest.settle, lambda: NOW
        )
        self.importing = Importing(self.ledger, self.beliefs, self.locks, self.ingest.drain)
        self.work = Work(self.ledger, FakeKeeper())
        self._jobs = 0
        self._said: dict[tuple[Owner, str], int] = {}

    def say(self, *texts: str, owner: Owner = ALICE, start: float = 1_700_000_000.0, **fields: Any) -> list[Event]:
        """Messages, a minute apart, applied; their event ids count on from e1."""
        events = []
        for text in texts:
            place = 1 + sum(count for (holder, _), count in self._said.items() if holder == owner)
            event = make_event(owner, f"e{place}", text, timestamp=start + 60 * place, **fields)
            self._said[owner, event.session] = self._said.get((owner, event.session), 0) + 1
            events.append(event)
        self.journal.append(owner, events)
        self.ingest.drain()
        return events

    def consolidate(self, owner: Owner = ALICE) -> None:
        """All of short-term memory becomes pages."""
        for holder, session in self._said:
            if holder == owner:
                self.consolidation.run(owner, session, keep=0)

    def job(self, action: str, item: str, owner: Owner = ALICE, **asked: Any) -> Job:
        """A job that asks for one change."""
        self._jobs += 1
        request = {"action": action, "item": item, "at": NOW + self._jobs, **asked}
        return Job(f"job_{self._jobs}", owner, "change", request=request)

    def change(self, action: str, item: str, owner: Owner = ALICE, **asked: Any) -> dict[str, Any]:
        """Make one change."""
        return self.changes.make(self.job(action, item, owner, **asked))

    def list(self, owner: Owner = ALICE, **asked: Any) -> list[dict[str, Any]]:
        """All items of a list, read page by page."""
        rows: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.items.page(owner, {**asked, "only": asked.get("kind"), "cursor": cursor})
            rows += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows

    def fact(self, value: str, owner: Owner = ALICE) -> Fact:
        """The believed fact of this value."""
        (found,) = [fact for fact in self.beliefs.believed(owner) if fact.value == value]
        return found

    def values(self, owner: Owner = ALICE) -> set[str]:
        """What is believed, as attribute=value."""
        return {f"{fact.attribute}={fact.value}" for fact in self.beliefs.believed(owner)}

    def found(self, query: str, owner: Owner = ALICE) -> list[str]:
        """The texts that a search finds."""
        return [item.content for item in self.recall.search(owner, query, limit=20, now=NOW)]

    def stored(self, owner: Owner = ALICE) -> str:
        """Everything that the store holds of an owner, unsealed."""
        rows = [str(point.payload) for holder, point in self.vectors.points.values() if holder == owner]
        return "\n".join(rows + [row[::-1] for row in rows])
