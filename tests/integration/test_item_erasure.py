"""Erasing one item over the real stores: its words can be read nowhere, and the rest of its user stays."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from contents import everything, no_progress
from fakes import WordEmbedder, make_event
from rights_house import RightsHouse

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.redis.dead_letters import RedisDeadLetters
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.remains import RedisRemains
from memoryos_tasks.adapters.redis.resealing import RedisResealing
from memoryos_tasks.adapters.redis.runs import RedisRuns
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.errors import Busy, NotFound, Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Failure, Job, Status
from memoryos_tasks.ports.runs import Saying
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.item_erasure import Doors, ItemErasure

ALICE, BOB = Owner("acme", "alice 爱丽丝"), Owner("acme", "bob")
SECRET, KEPT = "swordfish-9931", "I live in Lisbon. 我住在里斯本。"
#: What a run writes through: the calls that a killed one may have been cut off before.
WRITES = ("upsert", "patch", "patch_many", "delete", "remove_letters", "remove_said", "remove_jobs", "reseal", "stop",
          "retire", "destroy", "compact", "drop")  # fmt: skip


class Fuse:
    """A part whose writes fail once so many of all parts' are done."""

    budget = 10**9

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def write(*arguments: Any, **options: Any) -> Any:
            Fuse.budget -= 1
            if Fuse.budget < 0:
                raise RuntimeError("killed")
            return call(*arguments, **options)

        return write if name in WRITES else call


class House(RightsHouse):
    """The parts of a worker over real stores; their writes may be made to fail."""

    def __init__(self, truth: redis.Redis, traffic: redis.Redis, path: Path) -> None:
        self.truth, self.traffic = truth, traffic
        self.vault = FileVault(path / "vault")
        self.codec = SealedCodec(self.vault)
        embedder = WordEmbedder()
        self.shard = EdgeStore(path / "vectors", embedder.dimensions)
        ledger, stm = RedisLedger(truth, self.codec, options.Jobs()), RedisStm(truth, self.codec)
        super().__init__(
            vectors=Fuse(self.shard), stm=Fuse(stm), ledger=ledger, codec=self.codec, embedder=embedder,
            journal=RedisJournal(truth, self.codec, consumer="one"), locks=RedisLocks(truth),
        )
        self.said = RedisRuns(traffic, self.codec)
        self.letters = RedisDeadLetters(truth, self.codec, options.Jobs())
        self.remains = RedisRemains(truth, traffic, self.codec, ledger, self.said)
        self.resealing = RedisResealing(truth, traffic, self.codec, ledger, self.said)

    def erasure(self, grace: float = 0.0) -> ItemErasure:
        doors: Any = [Fuse(each) for each in (self.remains, self.resealing, self.vault)]
        return ItemErasure(self.removal, Doors(*doors), self.vectors, self.codec, self.locks, time.time, grace=grace)

    def asked(self, owner: Owner, item: str) -> Job:
        """The job of an erasure, as the gateway makes it."""
        self._jobs += 1
        self.ledger.create(Job(f"job_erase_{self._jobs}", owner, "erase_item", request={"item_id": item}))
        job: Job = self.ledger.get(owner.tenant, f"job_erase_{self._jobs}")
        return job

    def erase(self, job: Job, grace: float = 0.0) -> Mapping[str, Any]:
        """Run it to its end; the receipt."""
        receipt = self.erasure(grace).item(job, no_progress)
        claim = self.ledger.claim(job.owner.tenant, job.id)
        assert claim is not None
        self.ledger.finish(claim, Status.SUCCEEDED, result=receipt)
        return receipt

    def turn(self, owner: Owner, words: str) -> str:
        """The id of the message with these words."""
        (found,) = [row["id"] for row in self.list(owner, kind="turn") if words in row["content"]]
        return str(found)

    def readable(self, owner: Owner) -> str:
        """All that Redis, the stream's words and the vector store hold, as far as a key for it is left."""
        points, _ = self.shard.scroll(Where(owner), limit=10_000)
        stored = everything(self.truth) + everything(self.traffic)
        stored += json.dumps([dict(hit.payload) for hit in points], ensure_ascii=False)
        opened = []
        for text in re.findall(r"mos1:[A-Za-z0-9+/=]+", stored):
            try:
                opened.append(self.codec.open(owner, text))
            except Unreadable:
                continue
        return "\n".join([stored, *opened])


@pytest.fixture
def house(truth: redis.Redis, traffic: redis.Redis, tmp_path: Path) -> Iterator[House]:
    Fuse.budget = 10**9
    made = House(truth, traffic, tmp_path)
    yield made
    made.shard.close()


def fill(house: House, owner: Owner) -> None:
    """Something of the owner in every place, the secret in many."""
    house.say(KEPT, f"My password is {SECRET}, 别告诉别人。", "I have a cat called Miau.", owner=owner)
    house.consolidate(owner)
    house.say(f"I like {SECRET}.", "I like tea. 我喜欢茶。", owner=owner)
    for name, said in (("quotes", f"My password is {SECRET}, 别告诉别人。"), ("other", KEPT)):
        body = {"body": {"messages": [{"role": "user", "content": said}]}}
        job = f"job_{name}_{owner.user}"
        house.ledger.create(Job(job, owner, "chat", request=body))
        claim = house.ledger.claim(owner.tenant, job)
        house.ledger.bury(claim, Failure({"message": f"The vendor quotes: {said}"}, "upstream_error"))
    house.ledger.create(Job(f"job_done_{owner.user}", owner, "chat", request={"body": KEPT}))
    claim = house.ledger.claim(owner.tenant, f"job_done_{owner.user}")
    house.ledger.finish(claim, Status.SUCCEEDED, result={"text": f"Your password is {SECRET}."})
    house.said.say(owner, f"job_done_{owner.user}", Saying.DONE, {"text": SECRET}, inbox="")


def check(house: House, owner: Owner, receipt: Mapping[str, Any]) -> None:
    """The secret of the second message is gone but for where another message says it; the rest is there."""
    assert receipt["verified"] is True
    assert receipt["readable"] > 5
    left = house.readable(owner)
    assert f"My password is {SECRET}" not in left
    assert "别告诉别人" not in left
    assert {row["content"] for row in house.list(owner, kind="turn")} == {
        KEPT, "I have a cat called Miau.", f"I like {SECRET}.", "I like tea. 我喜欢茶。"}
    assert KEPT in house.found("Where do I live?", owner)
    assert len(house.stm.newest(owner, "default", count=9)) == 2
    assert all(house.list(owner, kind=kind) for kind in ("page", "segment"))
    letters, _ = house.letters.page("chat", count=999)
    assert [KEPT in letter.body for letter in letters if letter.subject.endswith(owner.user)] == [True]


def test_the_words_of_an_item_are_gone_and_the_rest_is_readable(house: House, tmp_path: Path) -> None:
    # Given two users with something in every place
    fill(house, ALICE)
    fill(house, BOB)
    theirs = house.readable(BOB)
    item = house.turn(ALICE, "password")
    texts = [hit.payload["text"] for hit in house.shard.scroll(Where(ALICE))[0]]
    letter = next(letter.id for letter in house.letters.page("chat", count=999)[0] if KEPT in letter.body)
    job = house.asked(ALICE, item)
    # When one message of the first is erased
    receipt = house.erase(job)
    # Then it is gone and the rest is there
    check(house, ALICE, receipt)
    assert receipt["item_id"] == item
    assert receipt["removed"]["events"] == 1
    assert receipt["removed"]["dead_letters"] == 1
    assert min(receipt["resealed"][place] for place in ("memories", "short_term", "jobs", "dead_letters")) > 0, receipt
    assert receipt["keys_destroyed"] == 1
    assert receipt["file_rewritten"] is True
    with pytest.raises(NotFound):
        house.items.one(ALICE, {"id": item})
    assert KEPT in house.letters.get(letter).body, "the letters keep their ids"
    # And what was stored before opens with no key that is left
    assert list((tmp_path / "vault").rglob("*.old")) == []
    for text in texts:
        with pytest.raises(Unreadable):
            house.codec.open(ALICE, text)
    # And its own job tells so, and the other user has everything
    assert house.ledger.get("acme", job.id).result == receipt
    assert set(theirs.split("\n")[1:]) == set(house.readable(BOB).split("\n")[1:])
    # And the same message may be told again
    again = make_event(ALICE, "e2", f"My password is {SECRET}, 别告诉别人。")
    assert house.journal.append(ALICE, [again]).duplicates == ()
    house.ingest.drain()
    assert again.content in house.found("password 密码", ALICE)


@pytest.mark.parametrize("kind", ["page", "segment", "trait"])
def test_every_kind_of_item_goes(house: House, kind: str) -> None:
    # Given an item of this kind
    fill(house, ALICE)
    (row, *_) = [row for row in house.list(ALICE, kind=kind) if kind != "trait" or "tea" in row["content"]]
    # When it is erased
    receipt = house.erase(house.asked(ALICE, row["id"]))
    # Then it is in no list, and what it was made of went where it was the whole
    assert receipt["verified"]
    assert row["content"] not in {one["content"] for one in house.list(ALICE, kind=kind)}
    if kind != "trait":
        assert row["content"] not in house.readable(ALICE)
    assert "I like tea. 我喜欢茶。" in house.found("What do I like? tea 茶", ALICE)


@pytest.mark.timeout(120)
def test_a_run_that_was_cut_off_anywhere_is_completed(house: House) -> None:
    # Given erasures that die before their first write, their second, and so on
    survived = 0
    for done in range(60):
        owner = Owner("acme", f"user {done}")
        fill(house, owner)
        job = house.asked(owner, house.turn(owner, "password"))
        Fuse.budget = done
        try:
            receipt = house.erasure().item(job, no_progress)
            survived += 1
        except RuntimeError:
            # Then nothing of the rest is lost by then
            Fuse.budget = 10**9
            assert KEPT in house.found("Where do I live?", owner), done
            # When another run comes
            receipt = house.erase(job)
        Fuse.budget = 10**9
        # Then it completes the erasure
        check(house, owner, receipt)
        assert receipt["keys_destroyed"] >= 1
        assert house.vault.retired(owner) == ()
        if survived > 1:
            break
    assert survived > 1, "the last step was not reached"


def test_a_receipt_is_given_again(house: House) -> None:
    # Given a run that died when all was done, before its job was closed
    fill(house, ALICE)
    job = house.asked(ALICE, house.turn(ALICE, "password"))
    first = house.erasure().item(job, no_progress)
    # Then the next one gives the same receipt
    again = house.erasure().item(job, no_progress)
    assert {**again, "at": 0} == {**first, "at": 0}
    assert again["at"] == pytest.approx(first["at"])


def test_what_is_added_meanwhile_stays(house: House) -> None:
    # Given a client that adds, and a reader, without a pause
    fill(house, ALICE)
    job, stop = house.asked(ALICE, house.turn(ALICE, "password")), threading.Event()
    added: list[str] = []
    failed: list[Exception] = []

    def live() -> None:
        try:
            while not stop.is_set():
                text = f"A note of number {len(added)}. 第{len(added)}条"
                house.say(text, owner=ALICE)
                added.append(text)
                if len(added) % 5 == 0:
                    house.consolidate(ALICE)
                house.found("Where do I live?", ALICE)
                house.stm.newest(ALICE, "default", count=9)
        except Exception as error:
            failed.append(error)

    client = threading.Thread(target=live)
    client.start()
    receipt = house.erase(job, grace=0.5)
    stop.set()
    client.join(20)
    # Then nobody has noticed, and nothing of it is lost
    assert failed == []
    assert receipt["verified"]
    assert len(added) > 5
    said = {row["content"] for row in house.list(ALICE, kind="turn")}
    assert set(added) <= said
    assert KEPT in said
    assert "password" not in house.readable(ALICE)


def test_erasures_of_one_user_come_one_after_the_other(house: House) -> None:
    # Given two that were asked for
    fill(house, ALICE)
    first, second = (house.asked(ALICE, house.turn(ALICE, words)) for words in ("password", "Miau"))
    # Then the newer one waits for the older
    with pytest.raises(Busy):
        house.erasure().item(second, no_progress)
    house.erase(first)
    assert house.erase(second)["verified"]
    assert "Miau" not in house.readable(ALICE)


def test_an_import_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memoryos_tasks.services.item_erasure.SETTLE_SECONDS", 0.1)
    fill(house, ALICE)
    house.ledger.create(Job("job_import", ALICE, "import", request={"facts": []}))
    job = house.asked(ALICE, house.turn(ALICE, "password"))
    with pytest.raises(Busy):
        house.erasure().item(job, no_progress)
    assert house.turn(ALICE, "password")


def test_what_waits_for_its_worker_stays_readable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a read and a chat that no worker has taken yet, asked for after the item went
    fill(house, ALICE)
    job = house.asked(ALICE, house.turn(ALICE, "password"))
    stop = house.resealing.stop

    def asked_then(owner: Owner) -> None:
        stop(owner)
        time.sleep(0.01)
        monkeypatch.setattr(house.vault, "current", lambda owner: old)
        house.said.ask(ALICE, "ask_1", {"query": KEPT})
        house.ledger.create(Job("job_late", ALICE, "chat", request={"body": KEPT}))
        house.said.say(ALICE, "job_late", Saying.CHUNK, {"text": KEPT}, inbox="")
        monkeypatch.undo()

    old = house.vault.current(ALICE)
    house.resealing.stop = asked_then  # type: ignore[method-assign]
    # When another process sealed them with the old key, as it may for a moment
    house.erase(job)
    # Then they are read as before
    assert house.vault.find(ALICE, old.id) is None
    assert house.said.asked("acme", "ask_1") == (ALICE, {"query": KEPT})
    assert house.ledger.get("acme", "job_late").request == {"body": KEPT}
    assert [message.data for message in house.said.replay(ALICE, "job_late")] == [{"text": KEPT}]


def test_groups_of_the_dead_letters_go_on(house: House) -> None:
    # Given an operator's consumer group on the dead letters
    fill(house, ALICE)
    stream = keyspace.dead_letters("chat")
    house.truth.xgroup_create(stream, "pagers", "0")
    house.truth.xreadgroup("pagers", "one", {stream: ">"}, count=1)
    before: Any = house.truth.xinfo_groups(stream)
    house.erase(house.asked(ALICE, house.turn(ALICE, "password")))
    # Then it is where it was, and new letters come behind the old ones
    after: Any = house.truth.xinfo_groups(stream)
    assert [group["last-delivered-id"] for group in after] == [group["last-delivered-id"] for group in before]
    last: Any = house.truth.xrevrange(stream, count=1)
    assert house.truth.xadd(stream, {"kind": "chat"}) > last[0][0]


def test_what_is_not_there_cannot_be_erased(house: House) -> None:
    house.say(KEPT, owner=ALICE)
    for item in ("5c1b8f0e-0000-4000-8000-000000000001", "nonsense", house.turn(ALICE, "Lisbon")):
        with pytest.raises(NotFound):
            house.erasure().item(Job("job_unknown", BOB, "erase_item", request={"item_id": item}), no_progress)
    assert len(house.list(ALICE, kind="turn")) == 1
