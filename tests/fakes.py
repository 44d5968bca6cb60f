"""In-memory stand-ins for the ports, for unit tests: they keep the promises of the ports and nothing more."""

# Stand-ins have the signatures of what they stand in for.

from __future__ import annotations

import itertools
import math
import threading
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from memoryos_app.hangups import Hangups
from memoryos_app.inbox import Inbox
from memoryos_app.keyring import KeyRing
from memoryos_app.parts import Parts
from memoryos_app.watch import State
from memoryos_tasks.adapters.codec.plain import PlainCodec
from memoryos_tasks.adapters.redis.backlog import Backlog
from memoryos_tasks.core.errors import (
    Cancelled,
    EventConflict,
    LostClaim,
    NotFound,
    QueueFull,
    TrafficDown,
    TruthDown,
)
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.text import terms
from memoryos_tasks.ports.dead_letters import EVENTS, Letter, Replayed
from memoryos_tasks.ports.journal import Ended, Entry, Receipt
from memoryos_tasks.ports.ledger import Claim, Failure, Job, Status
from memoryos_tasks.ports.llm import ModelCall
from memoryos_tasks.ports.runs import Message, Saying
from memoryos_tasks.queues import QUEUES


@dataclass(frozen=True)
class FakeWorker:
    """A worker that serves everything."""

    name: str = "worker@fake"
    pid: int = 1
    queues: tuple[str, ...] = ("chat", "memory", "maintenance", "vectors")
    warm: bool = True
    vectors: str = "owner"
    models: tuple[str, ...] = ()
    seen_at: float = 0.0


class FakeWatch:
    """A watch whose state the test sets; ``state`` starts with everything up."""

    def __init__(self) -> None:
        self.state = State(True, True, (FakeWorker(),))

    def truth_failed(self) -> None:
        self.state = replace(self.state, truth=False)

    def traffic_failed(self) -> None:
        self.state = replace(self.state, traffic=False, workers=())

    def wait_for(self, queue: str, timeout: float) -> bool:
        return queue in self.state.served


@dataclass
class FakeJournal:
    """Keeps events in a list; ``down`` makes it unreachable. Admits into ``stm`` where it has one."""

    events: list[Event] = field(default_factory=list)
    jobs: list[tuple[str, Owner, str]] = field(default_factory=list)
    down: bool = False
    stm: FakeStm | None = None
    unread: list[Entry] = field(default_factory=list)
    taken: list[Entry] = field(default_factory=list)
    admitted: dict[tuple[Owner, str], int] = field(default_factory=dict)
    done: set[tuple[Owner, str]] = field(default_factory=set)
    tries: dict[str, int] = field(default_factory=dict)
    spared: list[Entry] = field(default_factory=list)
    buried: list[tuple[Entry, Failure, int]] = field(default_factory=list)
    full: bool = False
    rung: bool = False
    gone: set[str] = field(default_factory=set)

    def append(
        self, owner: Owner, events: Sequence[Event], *, inbox: str = "", request_id: str = ""
    ) -> Receipt:
        if self.down:
            raise TruthDown
        known = {event.event_id: event for event in self.events if event.owner == owner}
        for event in events:
            if event.event_id in known and known[event.event_id].digest != event.digest:
                raise EventConflict(param="event_id")
        fresh = [event for event in events if event.event_id not in known]
        if fresh and self.full:
            raise QueueFull(retry_after=2.0)
        self.events += fresh
        if not fresh:
            return Receipt((), tuple(event.event_id for event in events), None)
        job_id = f"job_ingest{len(self.jobs)}"
        self.jobs.append((job_id, owner, inbox))
        self.unread += [Entry(f"{len(self.events)}-{at}", event, job_id) for at, event in enumerate(fresh)]
        ids = tuple(event.event_id for event in fresh)
        return Receipt(ids, tuple(event.event_id for event in events if event.event_id in known), job_id, self.ring())

    def ring(self) -> bool:
        was, self.rung = self.rung, True
        return not was

    def answer(self) -> None:
        self.rung = False

    def read(self, *, count: int) -> list[Entry]:
        if self.down:
            raise TruthDown
        given, self.unread = self.unread[:count], self.unread[count:]
        self.taken += given
        return given

    def reclaim(self, *, idle_seconds: float, count: int) -> list[Entry]:
        return self.taken[:count]

    def spare(self, entries: Sequence[Entry]) -> None:
        self.spared += entries

    def admit(self, entries: Sequence[Entry]) -> list[Entry]:
        numbered = []
        for entry in entries:
            key = entry.event.owner, entry.event.event_id
            new = key not in self.admitted
            seq = self.admitted.setdefault(key, len(self.admitted) + 1)
            event = replace(entry.event, seq=seq)
            numbered.append(replace(entry, event=event))
            if new and self.stm is not None:
                self.stm.held.setdefault((event.owner, event.session), []).append(event)
        return numbered

    def applied(self, entries: Sequence[Entry]) -> list[Ended]:
        return self._settle(entries, well=True)

    def erased(self, events: Sequence[Event]) -> list[Event]:
        return [event for event in events if event.event_id in self.gone]

    def tried(self, entry: Entry, times: int = 1) -> int:
        self.tries[entry.stream_id] = self.tries.get(entry.stream_id, 0) + times
        return self.tries[entry.stream_id]

    def bury(self, entry: Entry, failure: Failure, attempts: int) -> list[Ended]:
        self.buried.append((entry, failure, attempts))
        return self._settle([entry], well=False)

    def _settle(self, entries: Sequence[Entry], *, well: bool) -> list[Ended]:
        ids = {entry.stream_id for entry in entries}
        self.taken = [entry for entry in self.taken if entry.stream_id not in ids]
        self.done |= {(entry.event.owner, entry.event.event_id) for entry in entries}
        open_jobs = {entry.job_id for entry in (*self.taken, *self.unread)}
        touched = {entry.job_id for entry in entries} - open_jobs
        return [Ended(owner.tenant, job_id, inbox, well) for job_id, owner, inbox in self.jobs if job_id in touched]

    def trim(self) -> int:
        return 0

    def pending(self, owner: Owner) -> int:
        if self.down:
            raise TruthDown
        return sum(event.owner == owner and (owner, event.event_id) not in self.done for event in self.events)


@dataclass
class FakeStm:
    """Short-term memory in lists, oldest first; ``down`` makes it unreachable."""

    held: dict[tuple[Owner, str], list[Event]] = field(default_factory=dict)
    down: bool = False
    #: The tenant's newest sequence number.
    newest_seq: int = 2**53
    #: The token that holds the owner's lock; None is any.
    token: int | None = None

    def _of(self, owner: Owner, session: str) -> list[Event]:
        if self.down:
            raise TruthDown
        return self.held.get((owner, session), [])

    def preceding(self, owner: Owner, session: str, *, before: int, count: int) -> list[Event]:
        return [event for event in self._of(owner, session) if event.seq < before][-count:]

    def newest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        return self._of(owner, session)[-count:]

    def unapplied(self, owner: Owner, session: str) -> int:
        return 0

    def settled(self, owner: Owner, session: str, *, count: int) -> list[Event] | None:
        return self._of(owner, session)[-count:]

    def oldest(self, owner: Owner, session: str, *, count: int) -> list[Event]:
        return self._of(owner, session)[:count]

    def sizes(self, sessions: Sequence[tuple[Owner, str]]) -> list[int]:
        return [self.size(owner, session) for owner, session in sessions]

    def size(self, owner: Owner, session: str) -> int:
        return len(self._of(owner, session))

    def latest(self, owner: Owner) -> int:
        if self.down:
            raise TruthDown
        return self.newest_seq

    def following(self, owner: Owner, session: str | None, *, after: int, count: int) -> list[Event]:
        sessions = [name for holder, name in self.held if holder == owner] if session is None else [session]
        found = [event for name in sessions for event in self._of(owner, name) if event.seq > after]
        return sorted(found, key=lambda event: event.seq)[:count]

    def drop(self, owner: Owner, session: str, events: Sequence[Event], *, token: int) -> None:
        if self.token not in (None, token):
            raise LostClaim
        gone = {event.event_id for event in events}
        kept = [event for event in self._of(owner, session) if event.event_id not in gone]
        self.held[owner, session] = kept

    def sessions(self, owner: Owner, *, count: int) -> list[str]:
        if self.down:
            raise TruthDown
        return [session for holder, session in reversed(self.held) if holder == owner][:count]

    def idle(self, *, seconds: float, count: int) -> list[tuple[Owner, str]]:
        return [place for place, events in self.held.items() if events][:count]


@dataclass
class FakeHeld:
    """A lock while it is held; ``lost`` says that it is not any more."""

    token: int = 1
    lost: bool = False

    def check(self) -> None:
        if self.lost:
            raise LostClaim


@dataclass
class FakeLocks:
    """Gives ``held`` to everybody; None is a lock that somebody else holds."""

    held: FakeHeld | None = field(default_factory=FakeHeld)
    taken: int = 0

    @contextmanager
    def hold(self, owner: Owner, *, wait_seconds: float) -> Iterator[FakeHeld | None]:
        self.taken += 1
        yield self.held


@dataclass
class FakeCounters:
    """Counts by name and label."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, name: str, counts: Mapping[str, int]) -> None:
        for label, count in counts.items():
            self.counts[name, label] = self.counts.get((name, label), 0) + count


@dataclass
class FakeUpkeep:
    """Owners and in how many seconds they are looked at."""

    noted: dict[Owner, float] = field(default_factory=dict)

    def note(self, owner: Owner, *, after: float) -> None:
        self.noted.setdefault(owner, after)

    def settled(self, owner: Owner, *, after: float | None) -> None:
        self.noted.pop(owner, None)
        if after is not None:
            self.noted[owner] = after

    def due(self, *, count: int) -> list[Owner]:
        return [*self.noted][:count]

    def forget(self, owner: Owner) -> None:
        self.noted.pop(owner, None)


@dataclass
class FakeLedger:
    """Keeps rows in a dict; ``down`` makes it unreachable."""

    rows: dict[tuple[str, str], Job] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    down: bool = False
    #: What was journaled by :meth:`finish`, and the delays of :meth:`retry`.
    journaled: list[Event] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    wanted: list[Job] = field(default_factory=list)
    buried: list[tuple[Job, Failure]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    #: Inboxes whose gateway process has gone.
    silent: set[str] = field(default_factory=set)
    full: bool = False
    tokens: dict[str, int] = field(default_factory=dict)

    def _reach(self) -> None:
        if self.down:
            raise TruthDown

    def create(self, job: Job) -> bool:
        self._reach()
        if self.full:
            raise QueueFull(retry_after=2.0)
        return self.rows.setdefault((job.owner.tenant, job.id), job) is job

    def want(self, job: Job, *, delay: float) -> None:
        self._reach()
        self.wanted.append(job)

    def listening(self, inbox: str) -> bool:
        self._reach()
        return inbox not in self.silent

    def get(self, tenant: str, job_id: str) -> Job:
        self._reach()
        try:
            return self.rows[tenant, job_id]
        except KeyError:
            raise NotFound(param="id") from None

    def close(self, job_id: str, status: Status, *, result: Any = None, error: Any = None) -> None:
        """What a run does at its end."""
        key = next(key for key in self.rows if key[1] == job_id)
        self.rows[key] = replace(self.rows[key], status=status, result=result, error=error)

    def claim(self, tenant: str, job_id: str) -> Claim | None:
        self._reach()
        job = self.rows.get((tenant, job_id))
        if job is None or job.status is not Status.QUEUED:
            return None
        job = replace(job, status=Status.RUNNING, attempts=job.attempts + 1)
        self.rows[tenant, job_id] = job
        self.tokens[job_id] = self.tokens.get(job_id, 0) + 1
        return Claim(job, self.tokens[job_id])

    def lose(self, job_id: str) -> None:
        """The run's lease runs out, and the job can be claimed again."""
        key = next(key for key in self.rows if key[1] == job_id)
        self.rows[key] = replace(self.rows[key], status=Status.QUEUED)

    def _own(self, claim: Claim) -> None:
        self._reach()
        job = self.rows[claim.job.owner.tenant, claim.job.id]
        if self.tokens[claim.job.id] != claim.token or job.status is not Status.RUNNING:
            raise LostClaim

    def renew(self, claim: Claim) -> bool:
        self._own(claim)
        return claim.job.id in self.cancelled

    def progress(self, claim: Claim, done: int, total: int) -> None:
        self._own(claim)
        if claim.job.id in self.cancelled:
            raise Cancelled
        key = claim.job.owner.tenant, claim.job.id
        self.rows[key] = replace(self.rows[key], progress=done / total if total else 0.0)

    def finish(
        self, claim: Claim, status: Status, *, result: Any = None, error: Any = None, events: Sequence[Event] = ()
    ) -> None:
        self._own(claim)
        self.close(claim.job.id, status, result=result, error=error)
        self.journaled += events

    def retry(self, claim: Claim, *, delay: float, error: Mapping[str, Any], counted: bool = True) -> None:
        self._own(claim)
        self.close(claim.job.id, Status.QUEUED, error=error)
        self.delays.append(delay)
        if not counted:
            self._uncount(claim, waits=1)

    def release(self, claim: Claim) -> None:
        self._own(claim)
        self.close(claim.job.id, Status.QUEUED)
        self._uncount(claim)
        self.released.append(claim.job.id)

    def _uncount(self, claim: Claim, waits: int = 0) -> None:
        key = claim.job.owner.tenant, claim.job.id
        row = self.rows[key]
        self.rows[key] = replace(row, attempts=row.attempts - 1, waits=row.waits + waits)

    def bury(self, claim: Claim, failure: Failure) -> None:
        self._own(claim)
        self.close(claim.job.id, Status.DEAD, error=failure.error)
        self.buried.append((claim.job, failure))

    def due(self, *, count: int, own: int) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
        self._reach()
        open_jobs = [job for job in self.rows.values() if job.status is Status.QUEUED]
        return [(job.owner.tenant, job.id, job.kind) for job in open_jobs[:count]], []

    def cancel(self, tenant: str, job_id: str) -> Job:
        job = self.get(tenant, job_id)
        self.cancelled.append(job_id)
        if not job.status.final:
            self.close(job_id, Status.CANCELLED, error=Cancelled().described())
        return self.rows[tenant, job_id]


class FakeSpeech:
    """Says each at once."""

    def __init__(self, say: Callable[[Saying, Mapping[str, Any]], bool]) -> None:
        self.say = say


class FakeRuns:
    """Runs' streams in memory; what is said with an inbox reaches ``hear`` at once. ``down``: unreachable."""

    def __init__(self) -> None:
        self.hear: Callable[[Mapping[str, str]], None] = lambda fields: None
        self.streams: dict[str, list[Message]] = {}
        self.requests: dict[tuple[str, str], tuple[Owner, Mapping[str, Any]]] = {}
        self.cancelled: set[str] = set()
        self.cancel_seen = threading.Event()
        self.down = False
        self._ids = itertools.count(1)
        self._said = threading.Condition()

    def _reach(self) -> None:
        if self.down:
            raise TrafficDown(retry_after=1)

    @contextmanager
    def speaking(self, owner: Owner, job_id: str, *, inbox: str) -> Iterator[FakeSpeech]:
        yield FakeSpeech(lambda saying, data: self.say(owner, job_id, saying, data, inbox=inbox))

    def say(self, owner: Owner, job_id: str, saying: Saying, data: Mapping[str, Any], *, inbox: str) -> bool:
        import json

        self._reach()
        message = Message(f"{next(self._ids)}-0", saying, data)
        with self._said:
            self.streams.setdefault(job_id, []).append(message)
            self._said.notify_all()
        if inbox:
            self.hear({"job": job_id, "id": message.id, "say": saying.value, "data": json.dumps(data)})
        return job_id in self.cancelled

    def replay(
        self, owner: Owner, job_id: str, *, after: str = "0-0", block_seconds: float = 0.0
    ) -> list[Message]:
        self._reach()
        place = int(after.split("-")[0])

        def found() -> list[Message]:
            return [one for one in self.streams.get(job_id, []) if int(one.id.split("-")[0]) > place]

        with self._said:
            self._said.wait_for(found, block_seconds)
            return found()

    def spoke(self, owner: Owner, job_id: str) -> bool:
        return any(message.saying is Saying.CHUNK for message in self.streams.get(job_id, []))

    def cancel(self, owner: Owner, job_id: str) -> None:
        self._reach()
        self.cancelled.add(job_id)
        self.cancel_seen.set()

    def ask(self, owner: Owner, request_id: str, request: Mapping[str, Any]) -> None:
        self._reach()
        self.requests[owner.tenant, request_id] = (owner, request)

    def asked(self, tenant: str, request_id: str) -> tuple[Owner, Mapping[str, Any]] | None:
        return self.requests.pop((tenant, request_id), None)


#: What a scripted worker does with a ring: (task, args, task_id).
Script = Callable[[str, tuple[str, ...], str], None]


class FakeDoorbell:
    """Notes each ring and runs ``answer``, the scripted worker, before it returns. ``down``: unreachable."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, tuple[str, ...], str]] = []
        self.answer: Script = lambda task, args, task_id: None
        self.down = False

    def ring(
        self,
        task: str,
        args: tuple[str, ...],
        *,
        queue: str,
        task_id: str,
        request_id: str,
        expires: float | None = None,
    ) -> None:
        if self.down:
            raise TrafficDown(retry_after=1)
        self.rings.append((task, args, queue))
        self.answer(task, args, task_id)


class FakeDeadLetters:
    """Letters in memory, oldest first; ``outcomes`` tells what a replay does instead. ``down``: unreachable."""

    def __init__(self) -> None:
        self.letters: dict[str, Letter] = {}
        self.outcomes: dict[str, Replayed] = {}
        self.down = False

    def _reach(self) -> None:
        if self.down:
            raise TruthDown

    def counts(self) -> dict[str, int]:
        self._reach()
        held = [letter.queue for letter in self.letters.values()]
        return {queue: held.count(queue) for queue in (EVENTS, *QUEUES)}

    def page(self, queue: str, *, count: int, after: str = "") -> tuple[list[Letter], str | None]:
        self._reach()
        mine = [letter for letter in self.letters.values() if letter.queue == queue]
        start = 1 + next((at for at, letter in enumerate(mine) if letter.id == after), -1)
        some = mine[start : start + count]
        return some, some[-1].id if some and len(mine) > start + count else None

    def get(self, id: str) -> Letter:
        self._reach()
        try:
            return self.letters[id]
        except KeyError:
            raise NotFound(param="id") from None

    def replay(self, id: str) -> Replayed:
        letter = self.get(id)
        outcome = self.outcomes.get(id) or (Replayed.BUSY if letter.replaying else Replayed.REPLAYED)
        if outcome is Replayed.REPLAYED:
            self.letters[id] = replace(letter, replaying=True)
        elif outcome is Replayed.SKIPPED:
            del self.letters[id]
        return outcome

    def purge(self, id: str) -> bool:
        self._reach()
        return self.letters.pop(id, None) is not None

    def bury(self, letter: Letter) -> str:
        self._reach()
        self.letters[letter.id] = letter
        return letter.id


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
        self.backlog = Backlog(messages={"chat": 3}, unacked=1)
        self.inbox = Inbox(_NoSource(), PlainCodec(), self.runs, "inbox-1")
        self.runs.hear = self.inbox.hand
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

    def close(self) -> None:
        self.hangups.stop()


class _NoSource:
    """The fakes hand messages to the inbox directly."""

    def read(self, after: str, block_seconds: float) -> list[tuple[str, Mapping[str, str]]]:
        return []

    def trim(self, before: str) -> None:
        """Nothing is kept."""


def completion(text: str, id: str = "chatcmpl-1") -> dict[str, Any]:
    """A ``chat.completion`` that says ``text``."""
    message = {"role": "assistant", "content": text}
    return {
        "id": id,
        "object": "chat.completion",
        "created": int(time.time()),
        "model": "offline",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def chunk(text: str, finish: str | None = None) -> dict[str, Any]:
    """A ``chat.completion.chunk`` that says ``text``."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }


def make_event(owner: Owner, event_id: str, content: str, **fields: Any) -> Event:
    """A message of the user unless ``fields`` say otherwise."""
    role, timestamp = fields.pop("role", "user"), fields.pop("timestamp", 1_700_000_000.0)
    return Event(owner, event_id, role, content, timestamp, **fields)


@dataclass
class FakeLease:
    """A claim kept alive; the test sets what becomes of it."""

    cancelled: bool = False
    lost: bool = False


@dataclass
class FakeKeeper:
    """Gives every run the same ``lease``."""

    lease: FakeLease = field(default_factory=FakeLease)

    @contextmanager
    def keep(self, claim: Claim) -> Iterator[FakeLease]:
        yield self.lease


@dataclass
class ScriptedProvider:
    """Says ``chunks``, then raises ``error`` if there is one; a whole answer is what ``answer`` holds."""

    chunks: Sequence[Mapping[str, Any]] = ()
    answer: Mapping[str, Any] | None = None
    error: Exception | None = None
    calls: list[ModelCall] = field(default_factory=list)
    closed: int = 0
    #: Called before each chunk, with its place.
    before: Callable[[int], None] = lambda place: None

    def complete(self, call: ModelCall) -> dict[str, Any]:
        self.calls.append(call)
        self.before(0)
        if self.error is not None:
            raise self.error
        return dict(self.answer or {})

    def stream(self, call: ModelCall) -> Generator[dict[str, Any], None, None]:
        self.calls.append(call)
        try:
            for place, said in enumerate(self.chunks):
                self.before(place)
                yield dict(said)
            if self.error is not None:
                raise self.error
        finally:
            self.closed += 1

    def models(self) -> list[str]:
        return []


class WordEmbedder:
    """Unit vectors in which texts that share words lie near each other: one dimension a hashed word."""

    name = "static:wordllama-256"
    dimensions = 256

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        for term in terms(text):
            vector[zlib.crc32(term.encode()) % self.dimensions] += 1.0
        norm = math.hypot(*vector)
        return [value / norm for value in vector] if norm else vector
