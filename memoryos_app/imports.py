"""An import as it arrives: journaled in batches, in bounded memory, under one job."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import g

from memoryos_app import changes, writes
from memoryos_app.parts import Parts
from memoryos_tasks.core.errors import EventConflict, MemoryOSError, QueueFull
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.transfer.found import Belief, Forgotten, Found, Message, Skipped

#: Events journaled at once, and their characters.
BATCH, BATCH_TEXT = 200, 500_000
#: Facts that one import takes, and their characters: they travel in its job. Far above what a person tells.
MOST_FACTS, MOST_FACT_TEXT = 5_000, 8 * 1024 * 1024
#: Reasons that the receipt names one by one.
MOST_REASONS = 100
#: Seconds that an import waits for room in the journal, each time.
PATIENCE = 60.0
PAUSE = 0.25


@dataclass
class Intake:
    """Takes what a document holds for one owner. ``now``: the time of messages that have none."""

    parts: Parts
    owner: Owner
    format: str
    now: float = field(default_factory=time.time)
    imported: int = 0
    duplicates: int = 0
    skipped: int = 0
    reasons: list[dict[str, str]] = field(default_factory=list)
    ingests: list[str] = field(default_factory=list)
    facts: list[Mapping[str, Any]] = field(default_factory=list)
    forgotten: list[Mapping[str, Any]] = field(default_factory=list)
    _batch: dict[str, Event] = field(default_factory=dict)
    _text: int = 0
    _fact_text: int = 0

    def take(self, found: Iterable[Found]) -> None:
        """Journal the messages, keep the facts. Raises :class:`TruthDown` and :class:`QueueFull`."""
        for each in found:
            if isinstance(each, Message):
                self._message(each)
            elif isinstance(each, Skipped):
                self._skip(each.where, each.reason)
            else:
                self._keep(each)

    def end(self) -> str:
        """Journal what is left and have the facts believed; the id of the job."""
        self._flush()
        asked = {
            "format": self.format,
            "imported": self.imported,
            "duplicates": self.duplicates,
            "skipped": self.skipped,
            "reasons": self.reasons,
            "ingests": self.ingests,
            "facts": self.facts,
            "forgotten": self.forgotten,
        }
        return changes.begin(self.parts, self.owner, "import", asked)

    def _message(self, said: Message) -> None:
        event = Event(
            owner=self.owner,
            event_id=said.event_id,
            role=said.role,
            content=said.content,
            timestamp=self.now if said.timestamp is None else said.timestamp,
            session=said.session,
            assistant=said.assistant,
            name=said.name,
            metadata=said.metadata,
        )
        before = self._batch.setdefault(event.event_id, event)
        if before is not event:
            if before.digest == event.digest:
                self.duplicates += 1
            else:
                self._conflict(event)
            return
        self._text += len(event.content)
        if len(self._batch) >= BATCH or self._text >= BATCH_TEXT:
            self._flush()

    def _keep(self, each: Belief | Forgotten) -> None:
        weight = len(str(each.row))
        if self._fact_text + weight > MOST_FACT_TEXT or len(self.facts) + len(self.forgotten) >= MOST_FACTS:
            self._skip("facts", f"more than {MOST_FACTS} facts, or {MOST_FACT_TEXT // 1024 // 1024} MiB of them")
            return
        self._fact_text += weight
        (self.facts if isinstance(each, Belief) else self.forgotten).append(each.row)

    def _flush(self) -> None:
        batch, self._batch, self._text = list(self._batch.values()), {}, 0
        if not batch:
            return
        try:
            self._append(batch)
        except EventConflict:
            for event in batch:
                try:
                    self._append([event])
                except EventConflict:
                    self._conflict(event)

    def _append(self, events: list[Event]) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                receipt = self.parts.journal.append(self.owner, events, request_id=g.request_id)
                break
            except QueueFull:
                if time.monotonic() >= until:
                    raise
                time.sleep(PAUSE)
        self.imported += len(receipt.event_ids)
        self.duplicates += len(receipt.duplicates)
        if receipt.job_id is not None:
            self.ingests.append(receipt.job_id)
            writes.rung(self.parts, receipt)

    def _conflict(self, event: Event) -> None:
        self._skip(event.event_id, "event_id: was used before with other content")

    def _skip(self, where: str, reason: str) -> None:
        self.skipped += 1
        if len(self.reasons) < MOST_REASONS:
            self.reasons.append({"where": where[:256], "reason": reason})


def told(error: MemoryOSError, intake: Intake | None) -> MemoryOSError:
    """The error, with what was taken before it: sent again, that changes nothing."""
    if intake is not None and intake.imported:
        error.message += (
            f" {intake.imported} messages before that are imported; send it again, and they are not imported twice."
        )
    return error
