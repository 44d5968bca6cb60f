"""In-memory stand-ins for the ports, for unit tests: they keep the promises of the ports and nothing more."""

from __future__ import annotations

from fakes.completions import chunk, completion
from fakes.counters import FakeCounters
from fakes.dead_letters import FakeDeadLetters
from fakes.doorbell import FakeDoorbell, Script
from fakes.embedder import WordEmbedder
from fakes.event import make_event
from fakes.journal import FakeJournal
from fakes.keeper import FakeKeeper, FakeLease
from fakes.ledger import FakeLedger
from fakes.locks import FakeHeld, FakeLocks
from fakes.provider import ScriptedProvider
from fakes.runs import FakeRuns, FakeSpeech
from fakes.stack import FakeKey, FakeStack
from fakes.stm import FakeStm
from fakes.upkeep import FakeUpkeep
from fakes.watch import FakeWatch
from fakes.worker import FakeWorker

__all__ = [
    "FakeCounters",
    "FakeDeadLetters",
    "FakeDoorbell",
    "FakeHeld",
    "FakeJournal",
    "FakeKeeper",
    "FakeKey",
    "FakeLease",
    "FakeLedger",
    "FakeLocks",
    "FakeRuns",
    "FakeSpeech",
    "FakeStack",
    "FakeStm",
    "FakeUpkeep",
    "FakeWatch",
    "FakeWorker",
    "Script",
    "ScriptedProvider",
    "WordEmbedder",
    "chunk",
    "completion",
    "make_event",
]
