"""The gateway's parts, all of them stand-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fake_faqs import FakeFaqs
from plain_codec import PlainCodec

from fakes.completions import completion
from fakes.dead_letters import FakeDeadLetters
from fakes.doorbell import FakeDoorbell
from fakes.journal import FakeJournal
from fakes.ledger import FakeLedger
from fakes.runs import FakeRuns
from fakes.watch import FakeWatch
from memoryos_app.hangups import Hangups
from memoryos_app.inbox import Inbox, News
from memoryos_app.keyring import KeyRing
from memoryos_app.parts import Parts
from memoryos_tasks.adapters.redis.backlog import Backlog
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying


@dataclass(frozen=True)
class FakeKey:
    """An API key."""

    id: str
    tenant: str
    user: str | None = None
    admin: bool = False


class FakeStack:
    """All fakes together, as the gateway's :class:`Parts`; call :meth:`close` at the end."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.watch = FakeWatch()
        self.journal = FakeJournal()
        self.ledger = FakeLedger()
        self.runs = FakeRuns()
        self.doorbell = FakeDoorbell()
        self.keys: dict[str, FakeKey] = {}
        self.dead_letters = FakeDeadLetters()
        self.faqs = FakeFaqs()
        self.backlog = Backlog(messages={"chat": 3}, unacked=1)
        self.inbox = Inbox(_NoSource(), PlainCodec(), self.runs, "inbox-1")
        self.runs.hear = self.inbox.hand
        self.runs.told = self.inbox.tell
        self.hangups = Hangups(
            self.ledger,
            self.runs,
            lambda: self.settings.gateway.disconnect_grace,
        )

    @property
    def parts(self) -> Parts:
        return Parts(
            settings=lambda: self.settings,
            journal=self.journal,
            ledger=self.ledger,
            runs=self.runs,
            doorbell=self.doorbell,
            keys=KeyRing(self.find_key, lambda: self.watch.state.truth),
            watch=self.watch,
            inbox=self.inbox,
            hangups=self.hangups,
            dead_letters=self.dead_letters,
            faqs=self.faqs,
            backlog=lambda: self.backlog,
        )

    def find_key(self, secret: str) -> FakeKey | None:
        return self.keys.get(secret)

    def say(self, job_id: str, *sayings: tuple[Saying, Mapping[str, Any]]) -> None:
        """Say things as a worker that runs this ledgered job does."""
        job = next(job for (_, id), job in self.ledger.rows.items() if id == job_id)
        for saying, data in sayings:
            if saying is Saying.DONE:
                self.ledger.close(job_id, Status.SUCCEEDED, result=data or completion("", job_id))
            elif saying is Saying.ERROR:
                self.ledger.close(job_id, Status.FAILED, error=data)
            self.runs.say(job.owner, job_id, saying, data, inbox=job.inbox)

    def reads_get(self, answer: Mapping[str, Any], saying: Saying = Saying.DONE) -> list[Any]:
        """Let a worker answer every read with this; what was asked is collected: task, owner, request."""
        seen: list[Any] = []

        def read(task: str, args: tuple[str, ...], task_id: str) -> None:
            asked = self.runs.asked(*args)
            assert asked is not None
            owner, request = asked
            seen.append((task, owner, request))
            self.runs.say(owner, args[1], saying, answer, inbox=request["inbox"])

        self.doorbell.answer = read
        return seen

    def close(self) -> None:
        self.hangups.stop()


class _NoSource:
    """The fakes hand messages to the inbox directly."""

    def read(self, after: str, runs: Mapping[tuple[str, str], str], block_seconds: float) -> News:
        return News()

    def wake(self) -> None:
        pass

    def trim(self, before: str) -> None:
        """Nothing is kept."""
