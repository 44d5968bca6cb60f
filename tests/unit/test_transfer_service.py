"""A memory out and in again: the same events and the same beliefs, once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rights_house import ALICE, BOB, NOW, STRANGER, RightsHouse

from memoryos_tasks.core.errors import Busy, InvalidRequest
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.transfer.formats import FORMATS
from memoryos_tasks.core.transfer.found import Belief, Forgotten, Message
from memoryos_tasks.core.transfer.stream import parts_of
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.services.exporting import Exporting


def export(house: RightsHouse, owner: Owner = ALICE, format: str = "json") -> Any:
    """The document of an export, as it comes out of the ledger."""
    house.ledger.rows.pop(("acme", "job_x"), None)
    house.ledger.create(Job("job_x", owner, "export", request={"format": format}, request_id="r"))
    house.work.run(owner.tenant, "job_x", house.exporting.run)
    job = house.ledger.get(owner.tenant, "job_x")
    assert (job.status, job.error) == (Status.SUCCEEDED, None)
    return json.loads(json.dumps(job.result))["document"]


def bring(house: RightsHouse, document: Any, owner: Owner, name: str = "memoryos") -> Any:
    """Import a document as the gateway and a worker do; the receipt."""
    form = FORMATS[name]
    found = [each for path, value in parts_of(document, form.opens) for each in form.read(path, value)]
    events = [
        Event(owner, each.event_id, each.role, each.content, each.timestamp or 0.0, each.session, each.assistant,
              each.name, each.metadata)
        for each in found if isinstance(each, Message)
    ]  # fmt: skip
    receipt = house.journal.append(owner, events)
    ingests = [receipt.job_id] if receipt.job_id else []
    for each in ingests:
        # The ingest's own row ends with its events.
        house.ledger.create(Job(each, owner, "ingest"))
        house.ingest.drain()
        house.ledger.close(each, Status.SUCCEEDED)
    asked = {
        "format": name, "imported": len(receipt.event_ids), "duplicates": len(receipt.duplicates), "skipped": 0,
        "reasons": [], "ingests": ingests, "facts": [each.row for each in found if isinstance(each, Belief)],
        "forgotten": [each.row for each in found if isinstance(each, Forgotten)],
    }  # fmt: skip
    return house.importing.run(Job("job_i", owner, "import", request=asked), lambda done, total: None).result


@pytest.fixture
def house() -> RightsHouse:
    made = RightsHouse()
    made.say("I live in Hamburg.", "我喜欢爬山。", "I am allergic to peanuts.", "I am vegetarian.", session="s: 聊")
    made.say("Noted.", role="assistant", name="Bot", metadata={"k": ["v"]})
    made.consolidate()
    made.say("I moved to Berlin.", start=1_710_000_000.0)
    return made


def told(house: RightsHouse, owner: Owner) -> list[tuple[Any, ...]]:
    document = export(house, owner)
    return [tuple(str(row[name]) for name in ("event_id", "role", "name", "content", "timestamp", "session_id",
                                              "assistant_id", "metadata")) for row in document["events"]]  # fmt: skip


def beliefs(house: RightsHouse, owner: Owner) -> set[tuple[Any, ...]]:
    return {(one.kind, one.attribute, one.value, one.text, one.sources, one.valid_from, one.valid_to, one.confidence)
            for one in house.beliefs.all(owner)}


def test_an_export_has_everything(house: RightsHouse) -> None:
    document = export(house)
    assert (document["format"], document["version"], document["user_id"]) == ("memoryos", 1, "alice")
    assert [row["event_id"] for row in document["events"]] == ["e1", "e2", "e3", "e4", "e5", "e6"]
    values = {row["value"]: row for row in document["facts"]}
    assert values["Hamburg"]["superseded_by"] == values["Berlin"]["id"]
    assert "爬山" in values
    assert document["profile"]["residence"] == ["Berlin"]
    pages = {row["id"] for row in document["pages"]}
    assert pages
    assert {id for row in document["segments"] for id in row["pages"]} == pages


def test_what_went_out_comes_in_for_another_user(house: RightsHouse) -> None:
    # Given a memory that its owner has corrected: a value, a deletion, a dislike
    house.change("patch", house.fact("爬山").id, value="登山")
    house.change("delete", house.fact("peanuts").id)
    house.change("feedback", house.fact("Berlin").id, value="dislike")
    document = export(house)
    receipt = bring(house, document, BOB)
    # Then the events are the same, and so is all that is and was believed
    assert told(house, BOB) == told(house, ALICE)
    assert beliefs(house, BOB) == beliefs(house, ALICE)
    assert "allergy=peanuts" not in house.values(BOB)
    assert receipt["events"]["imported"] == 6
    # And facts name facts of their new owner only
    ids = {fact.id for fact in house.beliefs.all(BOB)}
    assert {fact.superseded_by for fact in house.beliefs.all(BOB)} - {None} <= ids
    assert ids.isdisjoint(fact.id for fact in house.beliefs.all(ALICE))


def test_what_was_undone_comes_in_undone(house: RightsHouse) -> None:
    house.change("undo", house.fact("Berlin").id)
    assert "residence=Hamburg" in house.values()
    bring(house, export(house), BOB)
    assert beliefs(house, BOB) == beliefs(house, ALICE)
    assert "residence=Hamburg" in house.values(BOB)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("change", ["patch", "undo", "none"])
def test_an_imported_memory_shows_and_hides_the_same_messages(house: RightsHouse, change: str, times: int) -> None:
    # Given a memory whose owner has put right or taken back what a message said
    if change == "patch":
        house.change("patch", house.fact("Berlin").id, value="Bremen")
    if change == "undo":
        house.change("undo", house.fact("Berlin").id)
    document = export(house)
    # When it is imported for another user, maybe twice
    for _ in range(times):
        bring(house, document, BOB)

    def shown(owner: Owner) -> list[str]:
        question, now = "Where do I live?", NOW + 1_000
        asked = house.beliefs.asked(owner, question)
        kinds = (Kind.TURN, Kind.TRAIT)  # pages are made anew, later
        found = house.recall.search(owner, question, limit=10, now=now, asked=asked, kinds=kinds)
        return [item.content for item in found if "Berlin" in item.content or "Hamburg" in item.content]

    # Then it is told the same of where they live as the first
    assert shown(BOB) == shown(ALICE)
    assert ("I moved to Berlin." in shown(BOB)) == (change == "none")
    assert ("I live in Hamburg." in shown(BOB)) == (change == "undo")


@pytest.mark.parametrize("owner", [ALICE, BOB, STRANGER])
def test_a_repeated_import_changes_nothing(house: RightsHouse, owner: Owner) -> None:
    house.change("patch", house.fact("Berlin").id, value="Bremen")
    document = export(house)
    bring(house, document, owner)
    before, events = beliefs(house, owner), len(house.journal.events)
    receipt = bring(house, document, owner)
    assert (beliefs(house, owner), len(house.journal.events)) == (before, events)
    assert (receipt["events"]["imported"], receipt["events"]["duplicates"]) == (0, 6)
    assert receipt["facts"]["imported"] == 0


def test_what_the_user_has_told_since_stays(house: RightsHouse) -> None:
    house.say("I moved to Oslo.", owner=BOB, start=1_790_000_000.0, session="other")
    document = export(house)
    document["events"] = [{**row, "event_id": f"a{row['event_id']}"} for row in document["events"]]
    document["facts"] = [{**row, "sources": [f"a{one}" for one in row["sources"]]} for row in document["facts"]]
    bring(house, document, BOB)
    residences = {value for value in house.values(BOB) if value.startswith("residence")}
    assert residences == {"residence=Oslo"}


def test_notes_of_another_system_are_believed(house: RightsHouse) -> None:
    memories = [{"id": "1", "memory": "Plays the zither", "created_at": "2024-01-01T00:00:00Z"},
                {"id": "2", "memory": "养了一只鹦鹉", "created_at": "2024-01-01T00:00:00Z"}]  # fmt: skip
    receipt = bring(house, memories, BOB, "mem0")
    assert receipt["facts"] == {"imported": 2, "duplicates": 0}
    assert house.values(BOB) == {"note=Plays the zither", "note=养了一只鹦鹉"}
    assert "养了一只鹦鹉" in house.found("鹦鹉", BOB)
    assert bring(house, memories, BOB, "mem0")["facts"] == {"imported": 0, "duplicates": 2}


def test_the_import_waits_for_its_events(house: RightsHouse) -> None:
    house.ledger.create(Job("job_open", BOB, "ingest"))
    asked = {"format": "mem0", "imported": 1, "duplicates": 0, "skipped": 0, "reasons": [], "facts": [],
             "forgotten": [], "ingests": ["job_open", "job_expired"]}  # fmt: skip
    job = Job("job_i", BOB, "import", request=asked)
    seen: list[tuple[int, int]] = []
    with pytest.raises(Busy):
        house.importing.run(job, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3)]
    # A batch with an event that could not be applied is told
    house.ledger.close("job_open", Status.FAILED)
    made = house.importing.run(job, lambda done, total: None)
    assert made.result is not None
    assert made.result["events"]["failed_batches"] == 1


def test_an_export_can_be_read(house: RightsHouse) -> None:
    page = export(house, format="markdown")
    assert page.startswith("# Memory of alice\n")
    assert "## Session s: 聊" in page
    assert "**user**: 我喜欢爬山。" in page
    assert page.index("Berlin") < page.index("What was believed before") < page.index("Hamburg")


def test_words_are_no_markup_in_a_page(house: RightsHouse) -> None:
    house.say("# [x](javascript:1) <b>*y*\n## z", owner=BOB)
    page = export(house, BOB, "markdown")
    assert "\\# \\[x\\](javascript:1) \\<b\\>\\*y\\* \\#\\# z" in page


def test_a_memory_that_is_too_large_says_so(house: RightsHouse) -> None:
    small = Exporting(house.journal, house.vectors, house.recall, house.beliefs, house.segments,
                      house.ingest.settle, lambda: 0.0, most=500)
    house.ledger.create(Job("job_s", ALICE, "export", request_id="r"))
    assert house.work.run("acme", "job_s", small.run).status == "failed"
    job = house.ledger.get("acme", "job_s")
    assert job.status is Status.FAILED
    assert job.error is not None
    assert "larger than" in job.error["message"]
    assert house.ledger.buried == []


def test_an_export_begins_after_what_was_acknowledged(house: RightsHouse) -> None:
    stuck = Exporting(house.journal, house.vectors, house.recall, house.beliefs, house.segments,
                      lambda owner: None, lambda: 0.0)
    house.journal.append(ALICE, [Event(ALICE, "e99", "user", "x", 1.0)])
    with pytest.raises(Busy):
        stuck.run(Job("job_s", ALICE, "export"), lambda done, total: None)


def test_nothing_of_others_is_in_an_export(house: RightsHouse) -> None:
    house.say("My secret is 7781.", owner=STRANGER)
    house.say("My secret is 7782.", owner=BOB)
    assert "778" not in json.dumps(export(house))


def test_a_job_that_nobody_asked_for_still_leaves_a_letter(house: RightsHouse) -> None:
    house.ledger.create(Job("job_own", ALICE, "consolidate"))

    def do(job: Job, progress: Any) -> Any:
        raise InvalidRequest("no")

    assert house.work.run("acme", "job_own", do).status == "dead"
