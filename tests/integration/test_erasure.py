"""Erasing a user over the real stores: nothing of the user is left, and nobody else notices."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from contents import everything, no_progress
from fakes import WordEmbedder

from memoryos_tasks.adapters.codec.sealed import PREFIX, SealedCodec
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.keepsakes import RedisKeepsakes
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.remains import RedisRemains
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.redis.visits import RedisVisits
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.errors import Busy, Unreadable
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind, Recalled
from memoryos_tasks.ports.dead_letters import Letter
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.beliefs import Beliefs
from memoryos_tasks.services.erasure import Erasure
from memoryos_tasks.services.ingest import Ingest
from memoryos_tasks.services.recall import Recall

ALICE, BOB = Owner("acme", "alice"), Owner("acme", "bob 鲍勃")
TEXTS = ("I live in Lisbon now and work as a nurse.", "我住在杭州，我最喜欢的水果是芒果。", "My dog is called Rex.")


class House:
    """The parts of a worker, over real stores."""

    def __init__(self, truth: redis.Redis, traffic: redis.Redis, path: Path) -> None:
        self.truth, self.traffic = truth, traffic
        self.vault = FileVault(path / "vault")
        self.codec = SealedCodec(self.vault)
        embedder = WordEmbedder()
        self.vectors = EdgeStore(path / "vectors", embedder.dimensions)
        self.journal = RedisJournal(truth, self.codec, consumer="one")
        self.ledger = RedisLedger(truth, self.codec, options.Jobs())
        self.runs, self.stm = RedisRuns(traffic, self.codec), RedisStm(truth, self.codec)
        self.letters = RedisDeadLetters(truth, self.codec, options.Jobs())
        self.locks, self.visits = RedisLocks(truth), RedisVisits(traffic)
        self.keepsakes = RedisKeepsakes(traffic, self.codec)
        self.recall = Recall(self.vectors, embedder, self.codec, self.vault.secret)
        self.beliefs = Beliefs(self.vectors, self.recall, self.codec)
        self.ingest = Ingest(self.journal, self.stm, self.recall, self.beliefs, self.locks, self.runs, 20,
                             lambda owner, session: None)
        self.remains = RedisRemains(truth, traffic, self.codec, self.ledger, self.runs)

    def erasure(self, grace: float = 0.0, **arguments: Any) -> Erasure:
        return Erasure(self.remains, self.vectors, self.vault, self.locks, time.time, grace=grace, **arguments)

    def add(self, owner: Owner, *texts: str, drain: bool = True, session: str = "default") -> None:
        events = [Event(owner, f"{session}-{at}", "user", text, 1.0 * at, session=session)
                  for at, text in enumerate(texts)]
        self.journal.append(owner, events)
        if drain:
            self.ingest.drain()

    def found(self, owner: Owner, query: str) -> list[str]:
        return [item.content for item in self.recall.search(owner, query, limit=10, now=time.time())]


@pytest.fixture
def house(truth: redis.Redis, traffic: redis.Redis, tmp_path: Path) -> Iterator[House]:
    made = House(truth, traffic, tmp_path)
    yield made
    made.vectors.close()


def fill(house: House, owner: Owner) -> None:
    """Leave something of the owner in every place there is."""
    house.add(owner, *TEXTS)
    house.add(owner, "Not applied yet: I moved to Oslo. 我搬到了奥斯陆。", drain=False, session="later 稍后")
    chat = Job(f"job_chat_{owner.user}", owner, "chat", request={"body": {"messages": TEXTS[:1]}})
    house.ledger.create(chat)
    done = Job(f"job_done_{owner.user}", owner, "chat", request={"body": TEXTS[1]})
    house.ledger.create(done)
    claim = house.ledger.claim(owner.tenant, done.id)
    assert claim is not None
    house.ledger.finish(claim, Status.FAILED, error={"message": f"The vendor quotes: {TEXTS[2]}"})
    house.runs.say(owner, done.id, Saying.DONE, {"text": TEXTS[0]}, inbox="")
    house.runs.ask(owner, f"ask_{owner.user}", {"query": TEXTS[0]})
    house.visits.note(owner, [Recalled("page", Kind.PAGE, "mid_term", "", 1.0, (), 0.0, place="segment")])  # type: ignore[arg-type]
    house.visits.flush()
    house.keepsakes.keep(owner, {"call_1": {"reasoning_content": TEXTS[1]}})
    body = {"user_id": owner.user, "content": TEXTS[0], "role": "nobody"}
    house.truth.xadd(keyspace.JOURNAL, {"event_id": f"bad {owner.user}", "tenant": owner.tenant,
                                        "payload": json.dumps(body)})
    house.truth.xadd(keyspace.dead_letters("memory"), {"tenant": owner.tenant, "user": keyspace.part(owner.user),
                                                       "kind": "consolidate", "subject": "job_x"})
    house.journal.read(count=10)


def test_what_is_stored_is_sealed(house: House) -> None:
    # Given something in every place, and messages that are nobody's
    fill(house, ALICE)
    headers = {"kwargsrepr": TEXTS[2]}
    house.letters.bury(Letter("", "chat", "message", "undecodable", "Not JSON.", headers=headers, body=TEXTS[0]))
    # Then neither Redis nor the vector store shows any of it, but for what was put into the stream by hand
    house.truth.delete(keyspace.JOURNAL)
    stored = everything(house.truth) + everything(house.traffic)
    points, _ = house.vectors.scroll(Where(ALICE))
    stored += json.dumps([dict(hit.payload) for hit in points], ensure_ascii=False)
    assert stored.count(PREFIX) > 10
    for word in ("Lisbon", "杭州", "Rex", "Oslo", "奥斯陆", "芒果"):
        assert word not in stored
        assert json.dumps(word).strip('"') not in stored
    # And those who may read it read it
    assert TEXTS[0] in house.found(ALICE, "Where do I live?")
    assert any(TEXTS[0] in house.letters.get(letter.id).body for letter in house.letters.page("chat", count=9)[0])
    assert "quotes" in str(house.ledger.get("acme", "job_done_alice").error)


def test_nothing_of_an_erased_user_is_left(house: House) -> None:
    # Given two users with something in every place
    fill(house, ALICE)
    fill(house, BOB)
    sealed = [hit.payload["text"] for hit in house.vectors.scroll(Where(ALICE))[0]]
    # When one is erased
    receipt = house.erasure().user(ALICE, no_progress)
    # Then the receipt says what went
    assert all(receipt[name] is True for name in ("verified", "key_destroyed", "file_rewritten")), receipt
    assert receipt["stayed"] == 0
    assert all(receipt["removed"][place] for place in ("journal", "events", "short_term", "memories", "jobs",
                                                       "dead_letters", "visits")), receipt
    # And no door gives any of it back
    assert house.found(ALICE, "Where do I live?") == []
    assert house.stm.following(ALICE, None, after=0, count=10) == []
    assert house.beliefs.believed(ALICE) == []
    assert house.vectors.count(Where(ALICE)) == 0
    assert house.journal.pending(ALICE) == 0
    names = {key for key in (*house.truth.scan_iter(), *house.traffic.scan_iter()) if "alice" in key}
    assert names <= {keyspace.fence(ALICE)}
    assert '"user_id": "alice"' not in everything(house.truth)
    # And a copy of what was stored is unreadable
    for text in sealed:
        with pytest.raises(Unreadable):
            house.codec.open(ALICE, text)
    # And the other user has everything
    house.ingest.recover(idle_seconds=0)
    assert TEXTS[0] in house.found(BOB, "nurse")
    assert house.found(BOB, "奥斯陆")
    assert house.ledger.get("acme", f"job_chat_{BOB.user}").request["body"] == {"messages": [TEXTS[0]]}
    assert len(house.letters.page("memory", count=10)[0]) == 1


def test_the_counters_of_the_journal_stay_right(house: House) -> None:
    # Given an event that waits to be applied, and one of somebody else
    house.add(ALICE, "in the queue", drain=False)
    house.add(BOB, "also in the queue 排队", drain=False)
    # When the first is erased
    house.erasure().user(ALICE, no_progress)
    # Then one event waits, and it is applied
    assert house.truth.get(keyspace.PENDING) == "1"
    assert house.ingest.drain().applied == 1
    assert house.truth.get(keyspace.PENDING) == "0"
    assert house.found(BOB, "queue 排队") == ["also in the queue 排队"]


def test_a_user_may_come_back(house: House) -> None:
    # Given an erased user
    house.add(ALICE, *TEXTS)
    house.erasure().user(ALICE, no_progress)
    # When the same events come again
    house.add(ALICE, *TEXTS)
    # Then they are new, and remembered
    assert TEXTS[2] in house.found(ALICE, "What is my dog called?")
    assert TEXTS[1] in house.found(ALICE, "水果")


def test_a_run_that_died_is_completed_by_the_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an erasure that dies at each of its steps, one after the other
    fill(house, ALICE)
    steps = ["stop", "newest", "remove_events", "remove_letters", "remove_traffic", "remove_jobs", "compact", "left"]
    for step in steps:
        with monkeypatch.context() as broken:
            def die(*_: Any, **__: Any) -> None:
                raise RuntimeError("killed")

            broken.setattr(house.remains, step, die)
            with pytest.raises(RuntimeError):
                house.erasure().user(ALICE, no_progress)
    # When it is run again, twice
    for _ in range(2):
        assert house.erasure().user(ALICE, no_progress)["verified"]
    # Then nothing is left
    assert house.vectors.count(Where(ALICE)) == 0
    assert not any(house.remains.left(ALICE, 2**62, 2**62).values())


def test_what_was_in_a_workers_hands_does_not_come_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a worker that has read an event and is slow to index it
    house.add(ALICE, "I live in Lisbon. My favourite colour is green.", drain=False)
    reached, go = threading.Event(), threading.Event()
    index = house.recall.index

    def slow(*arguments: Any) -> None:
        reached.set()
        assert go.wait(20)
        index(*arguments)

    monkeypatch.setattr(house.recall, "index", slow)
    monkeypatch.setattr("memoryos_tasks.services.erasure.SETTLE_SECONDS", 0.1)
    worker = threading.Thread(target=house.ingest.drain)
    worker.start()
    assert reached.wait(10)
    # When its user is erased meanwhile, and the worker goes on after it
    house.erasure().user(ALICE, no_progress)
    go.set()
    worker.join(20)
    # Then nothing of the event is in memory
    assert house.vectors.count(Where(ALICE)) == 0
    assert house.beliefs.believed(ALICE) == []


def test_adds_that_race_are_erased_or_stay_whole(house: House) -> None:
    # Given a client that adds without a pause while its user is erased
    house.add(ALICE, *TEXTS)
    stop = threading.Event()
    added: list[str] = []

    def write() -> None:
        while not stop.is_set():
            event = Event(ALICE, f"race-{len(added)}", "user", f"text {len(added)} 文字", 1.0)
            house.journal.append(ALICE, [event])
            added.append(event.event_id)
            house.ingest.drain()

    client = threading.Thread(target=write)
    client.start()
    receipt = house.erasure(grace=0.3).user(ALICE, no_progress)
    last = len(added)
    stop.set()
    client.join(20)
    house.ingest.drain()
    house.ingest.recover(idle_seconds=0)
    # Then those of before are gone, those of after are there, and each is whole in all places or in none
    assert receipt["verified"]
    assert len(added) > 10
    turns = {event.event_id for event in house.recall.events(ALICE, added)}
    shown = {event.event_id for event in house.stm.following(ALICE, None, after=0, count=100_000)}
    known = {id for id in added if house.truth.hexists(keyspace.events(ALICE), id)}
    assert turns == shown == known
    assert turns == set(added[len(added) - len(turns):]), "not a run of the newest ones"
    assert added[last:] == [id for id in added[last:] if id in turns]
    assert TEXTS[0] not in house.found(ALICE, "Where do I live?")


def test_an_erasure_waits_for_the_owners_lock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memoryos_tasks.services.erasure.LOCK_SECONDS", 0.05)
    house.add(ALICE, *TEXTS)
    with house.locks.hold(ALICE, wait_seconds=1), pytest.raises(Busy):
        house.erasure().user(ALICE, no_progress)


def test_its_own_job_stays_readable(house: House) -> None:
    # Given two erasures, of which one has its receipt
    for job_id in ("job_first", "job_second"):
        house.ledger.create(Job(job_id, ALICE, "erase"))
    first = house.ledger.claim("acme", "job_first")
    assert first is not None
    house.ledger.finish(first, Status.SUCCEEDED, result=house.erasure().user(ALICE, no_progress))
    # When the other runs
    second = house.ledger.claim("acme", "job_second")
    assert second is not None
    house.ledger.finish(second, Status.SUCCEEDED, result=house.erasure().user(ALICE, no_progress))
    # Then both receipts are readable, though every key that was there is destroyed
    for job_id in ("job_first", "job_second"):
        result = house.ledger.get("acme", job_id).result
        assert result is not None
        assert result["verified"] is True


def test_what_another_tenant_calls_the_same_stays(house: House) -> None:
    other = Owner("other", "alice")
    house.add(ALICE, TEXTS[0])
    house.add(other, TEXTS[0])
    house.erasure().user(ALICE, no_progress)
    assert TEXTS[0] in house.found(other, "Where do I live?")
    assert house.stm.size(other, "default") == 1
