"""Items, export and import on the real stores: Redis and the embedded vectors, with sealed texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rights_house import ALICE, BOB, STRANGER, Reversed, RightsHouse

from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.redis.journal import RedisJournal
from memoryos_tasks.adapters.redis.ledger import RedisLedger
from memoryos_tasks.adapters.redis.locks import RedisLocks
from memoryos_tasks.adapters.redis.stm import RedisStm
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.transfer.formats import FORMATS
from memoryos_tasks.core.transfer.found import Belief, Forgotten, Message
from memoryos_tasks.core.transfer.stream import parts_of
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.vectors import Where
from memoryos_tasks.services.work import Made


@pytest.fixture
def house(truth: redis.Redis, tmp_path: Path) -> Iterator[RightsHouse]:
    embedder, codec = StaticEmbedder(), Reversed()
    vectors = EdgeStore(tmp_path / "vectors", embedder.dimensions)
    yield RightsHouse(
        vectors=vectors,
        stm=RedisStm(truth, codec),
        ledger=RedisLedger(truth, codec, options.Jobs()),
        journal=RedisJournal(truth, codec, consumer="one"),
        locks=RedisLocks(truth),
        codec=codec,
        embedder=embedder,
    )
    vectors.close()


def run(house: RightsHouse, kind: str, owner: Owner, do: Any, **request: Any) -> Job:
    """A client's job, run once; its row then."""
    id = f"job_{kind}_{owner.user}"
    assert house.ledger.create(Job(id, owner, kind, request=request, request_id="req_1"))
    house.work.run(owner.tenant, id, do)
    job: Job = house.ledger.get(owner.tenant, id)
    return job


def talk(house: RightsHouse) -> None:
    house.say("I live in Hamburg.", "我喜欢爬山。", "I am allergic to peanuts.", "My locker is number 5521.")
    house.consolidate()
    house.say("I moved to Berlin.", start=1_710_000_000.0)


def test_items_are_listed_changed_and_deleted(house: RightsHouse) -> None:
    talk(house)
    rows = house.list(limit=3)
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["kind"] for row in rows} >= {"page", "segment", "trait"}
    assert house.list(owner=BOB) == house.list(owner=STRANGER) == []
    # A correction, through the ledger
    fact = house.fact("爬山")
    request = {"item": fact.id, "action": "patch", "value": "登山", "at": 1_720_000_000.0}
    job = run(house, "change", ALICE, lambda job, _: _made(house, job), **request)
    assert (job.status, (job.result or {})["value"]) == (Status.SUCCEEDED, "登山")
    assert "likes=登山" in house.values()
    # A message goes with its words
    turn = next(row for row in house.list(kind="turn") if "5521" in row["content"])
    house.change("delete", turn["id"])
    with pytest.raises(NotFound):
        house.items.one(ALICE, {"id": turn["id"]})
    assert [text for text in house.found("What is the number of my locker? 5521") if "5521" in text] == []
    assert all("5521" not in row["content"] for row in house.list())
    # One in short-term memory leaves it, though another run's token is larger by now
    newest = next(row for row in house.list(tier="short_term"))
    house.change("delete", newest["id"])
    assert house.stm.newest(ALICE, "default", count=9) == []
    assert house.values() >= {"likes=登山"}
    assert "residence=Berlin" not in house.values()


def _made(house: RightsHouse, job: Job) -> Made:
    return Made({}, house.changes.make(job))


def test_a_change_of_what_is_not_there_fails_without_a_letter(house: RightsHouse, truth: redis.Redis) -> None:
    request = {"item": "5c1b8f0e-0000-4000-8000-000000000001", "action": "delete", "at": 1.0}
    job = run(house, "change", ALICE, lambda job, _: _made(house, job), **request)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert (job.error["status"], job.error["code"]) == (404, "not_found")
    assert list(truth.scan_iter("*dlq*")) == []


def test_a_memory_moves_to_another_user(house: RightsHouse) -> None:
    talk(house)
    house.change("delete", house.fact("peanuts").id)
    house.change("patch", house.fact("爬山").id, value="登山")
    exported = run(house, "export", ALICE, house.exporting.run, format="json")
    assert exported.status is Status.SUCCEEDED
    document = json.loads(json.dumps(exported.result))["document"]
    found = [each for path, value in parts_of(document, FORMATS["memoryos"].opens)
             for each in FORMATS["memoryos"].read(path, value)]
    events = [Event(BOB, each.event_id, each.role, each.content, each.timestamp or 0.0, each.session, each.assistant,
                    each.name, each.metadata) for each in found if isinstance(each, Message)]  # fmt: skip
    receipt = house.journal.append(BOB, events)
    job = run(
        house, "import", BOB, house.importing.run, format="memoryos", imported=len(receipt.event_ids), duplicates=0,
        skipped=0, reasons=[], ingests=[receipt.job_id],
        facts=[each.row for each in found if isinstance(each, Belief)],
        forgotten=[each.row for each in found if isinstance(each, Forgotten)],
    )  # fmt: skip
    assert (job.status, job.error, job.progress) == (Status.SUCCEEDED, None, 1.0)
    assert house.values(BOB) == house.values(ALICE) >= {"residence=Berlin", "likes=登山"}
    again = run(house, "export", BOB, house.exporting.run, format="json").result
    assert again is not None
    same = [{**row, "place": ""} for row in again["document"]["events"]]
    assert same == [{**row, "place": ""} for row in document["events"]]
    # Nothing of either stands at rest as it was said
    stored, _ = house.vectors.scroll(Where(ALICE))
    assert stored
    assert all("登山" not in str(hit.payload) for hit in stored)
