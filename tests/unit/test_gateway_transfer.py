"""Export and import through the gateway: jobs; an import is journaled as it arrives, before it is acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKey, FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.body import IMPORT_LIMIT, limit_of
from memoryos_tasks.ports.ledger import Job

EXPORT, IMPORT = "/v1/memory/export", "/v1/memory/import"
MESSAGES = [{"role": "user", "content": "我住在上海。"}, {"role": "assistant", "content": "Noted."}]
FACT = {"id": "f1", "kind": "trait", "subject": "user", "attribute": "residence", "value": "Oslo",
        "content": "The user lives in Oslo", "sources": ["e1"], "valid_from": 5.0}  # fmt: skip
OWN = {
    "format": "memoryos", "version": 1, "user_id": "somebody",
    "events": [{"event_id": "e1", "role": "user", "content": "I live in Oslo.", "timestamp": 5.0, "session_id": "s"}],
    "facts": [FACT], "forgotten": [{"id": "f2", "sources": ["e1"]}], "segments": [], "pages": [], "profile": {},
}  # fmt: skip


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def job_of(stack: FakeStack, answer: Any) -> Job:
    assert answer.status_code == 202, answer.json
    assert answer.json["id"] == answer.json["job_id"] == answer.headers["X-MemoryOS-Job"]
    return stack.ledger.get("default", answer.json["job_id"])


def test_an_export_is_a_job(stack: FakeStack, client: FlaskClient) -> None:
    job = job_of(stack, client.post(EXPORT, json={"user_id": "李雷", "format": "markdown"}))
    assert (job.kind, job.owner.user, job.request) == ("export", "李雷", {"format": "markdown"})
    assert stack.doorbell.rings == [("memory.export", ("default", job.id), "memory")]
    assert job_of(stack, client.post(EXPORT, json={"user_id": "u"})).request == {"format": "json"}


def test_an_import_is_journaled_before_it_is_acknowledged(stack: FakeStack, client: FlaskClient) -> None:
    job = job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "memoryos", "data": OWN}))
    (event,) = stack.journal.events
    assert (event.owner.user, event.event_id, event.content, event.session) == ("u", "e1", "I live in Oslo.", "s")
    assert (job.kind, job.request["imported"], job.request["skipped"]) == ("import", 1, 0)
    assert [row["value"] for row in job.request["facts"]] == ["Oslo"]
    assert job.request["forgotten"] == [{"id": "f2", "sources": ["e1"]}]
    assert job.request["ingests"] == [stack.journal.jobs[0][0]]
    assert [ring[0] for ring in stack.doorbell.rings] == ["memory.ingest", "memory.import"]


@pytest.mark.parametrize("order", [("user_id", "format", "data"), ("data", "format", "user_id"),
                                   ("format", "data", "user_id")])  # fmt: skip
def test_names_may_come_in_any_order(stack: FakeStack, client: FlaskClient, order: tuple[str, ...]) -> None:
    whole = {"user_id": "u", "format": "transcript", "data": MESSAGES}
    answer = client.post(IMPORT, json={name: whole[name] for name in order})
    if order == ("format", "data", "user_id"):
        # Whose it is must be known before it is journaled
        assert (answer.status_code, answer.json["error"]["param"]) == (400, "user_id")
        return
    job_of(stack, answer)
    assert [event.content for event in stack.journal.events] == ["我住在上海。", "Noted."]


def test_a_repeated_import_journals_nothing(stack: FakeStack, client: FlaskClient) -> None:
    body = {"user_id": "u", "format": "transcript", "data": MESSAGES}
    job_of(stack, client.post(IMPORT, json=body))
    again = job_of(stack, client.post(IMPORT, json=body))
    assert (again.request["imported"], again.request["duplicates"], len(stack.journal.events)) == (0, 2, 2)


def test_lines_of_json_and_lines_of_text(stack: FakeStack, client: FlaskClient) -> None:
    said = "\n".join(json.dumps(row) for row in MESSAGES)
    job_of(stack, client.post(f"{IMPORT}?user_id=u&format=transcript", data=said, content_type="application/x-ndjson"))
    text = "用户: 我叫李雷\nBot: 你好\n".encode()
    job_of(stack, client.post(f"{IMPORT}?user_id=u", data=text, content_type="text/plain; charset=utf-8"))
    assert [(event.role, event.content) for event in stack.journal.events] == [
        ("user", "我住在上海。"), ("assistant", "Noted."), ("user", "我叫李雷"), ("assistant", "你好"),
    ]  # fmt: skip


def test_many_messages_are_journaled_in_batches(stack: FakeStack, client: FlaskClient) -> None:
    rows = [{"role": "user", "content": f"第{n}句"} for n in range(450)]
    job = job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": rows}))
    assert (len(stack.journal.jobs), len(stack.journal.events), job.request["imported"]) == (3, 450, 450)
    assert len({event.event_id for event in stack.journal.events}) == 450


def test_one_message_that_conflicts_does_not_stop_the_others(stack: FakeStack, client: FlaskClient) -> None:
    rows = [{**row, "event_id": f"e{n}"} for n, row in enumerate(MESSAGES)]
    job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": rows}))
    other = [{**rows[0], "content": "Other words"}, {"role": "user", "content": "New", "event_id": "e9"},
             {"role": "user", "content": "Newer", "event_id": "e9"}, {"role": "user"}]  # fmt: skip
    job = job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": other}))
    assert (job.request["imported"], job.request["skipped"]) == (1, 3)
    assert sorted(row["where"] for row in job.request["reasons"]) == ["e0", "e9", "messages[3]"]
    assert all("words" not in row["reason"].lower() for row in job.request["reasons"])


def test_what_is_wrong_in_the_middle_is_told_with_what_came_before(stack: FakeStack, client: FlaskClient) -> None:
    rows = ",".join(json.dumps({"role": "user", "content": f"m{n}"}) for n in range(300))
    broken = f'{{"user_id": "u", "format": "transcript", "data": [{rows}, oops'
    answer = client.post(IMPORT, data=broken, content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_request")
    assert "200 messages before that are imported" in answer.json["error"]["message"]
    assert len(stack.journal.events) == 200
    assert [job.kind for job in stack.ledger.rows.values()] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"format": "mem0", "data": []}, "user_id"),
        ({"user_id": "u", "data": []}, "format"),
        ({"user_id": "u", "format": "mem1", "data": []}, "format"),
        ({"user_id": "u", "format": "mem0"}, "data"),
        ({"user_id": 5, "format": "mem0", "data": []}, "user_id"),
        ({"user_id": "u", "colour": "red", "format": "mem0", "data": []}, "colour"),
        ({"user_id": "u", "format": "memoryos", "data": {"version": 2}}, "data.version"),
        ({"user_id": "u", "format": "memoryos", "data": [1]}, "data"),
        ({"user_id": "u", "format": "memoryos", "data": "x"}, "data"),
        ([], None),
        ([1], None),
        ({}, "format"),
        ("x", None),
    ],
)
def test_nonsense_is_refused(stack: FakeStack, client: FlaskClient, body: Any, param: str | None) -> None:
    answer = client.post(IMPORT, json=body)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param)
    assert stack.journal.events == []
    assert stack.ledger.rows == {}


def test_other_bodies_are_refused(stack: FakeStack, client: FlaskClient) -> None:
    assert client.post(IMPORT, data=b"\x00", content_type="application/zip").status_code == 415
    assert client.post(f"{IMPORT}?user_id=u&format=mem0", data="A: x", content_type="text/plain").status_code == 400
    lines = f"{IMPORT}?user_id=u&format=bai-lab"
    assert client.post(lines, data="{}", content_type="application/jsonl").status_code == 400
    twice = '{"user_id": "a", "user_id": "b"}'
    assert client.post(IMPORT, data=twice, content_type="application/json").status_code == 400
    assert client.post(EXPORT, json={"user_id": "u", "format": "xml"}).status_code == 400
    assert client.post(EXPORT, json={"user_id": "u", "x": 1}).status_code == 400
    assert stack.ledger.rows == {}


def test_only_an_import_may_be_large(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limit_of(IMPORT) == IMPORT_LIMIT == 256 * 1024 * 1024
    assert limit_of(EXPORT) == 1024 * 1024
    large = [{"role": "user", "content": "x" * 50_000} for _ in range(30)]
    job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": large}))
    assert len(stack.journal.events) == 30
    monkeypatch.setattr("memoryos_app.body.IMPORT_LIMIT", 1024 * 1024)
    answer = client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": large})
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "body_too_large")


def test_more_facts_than_a_job_holds_are_named(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_app.imports.MOST_FACTS", 2)
    memories = [{"id": n, "memory": f"Likes number {n}"} for n in range(5)]
    job = job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "mem0", "data": memories}))
    assert (len(job.request["facts"]), job.request["skipped"], len(stack.journal.events)) == (2, 3, 5)


def test_a_full_journal_is_waited_for_and_then_told(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_app.imports.PATIENCE", 0.0)
    stack.journal.full = True
    answer = client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": MESSAGES})
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "queue_full")
    assert stack.ledger.rows == {}


def test_without_the_store_of_record_nothing_is_accepted(stack: FakeStack, client: FlaskClient) -> None:
    stack.journal.down = True
    body = {"user_id": "u", "format": "transcript", "data": MESSAGES}
    assert client.post(IMPORT, json=body).status_code == 503
    stack.watch.truth_failed()
    assert client.post(IMPORT, json=body).status_code == 503
    assert client.post(EXPORT, json={"user_id": "u"}).status_code == 503


def test_without_the_broker_an_import_is_accepted(stack: FakeStack, client: FlaskClient) -> None:
    stack.watch.traffic_failed()
    job_of(stack, client.post(IMPORT, json={"user_id": "u", "format": "transcript", "data": MESSAGES}))
    assert (len(stack.journal.events), stack.doorbell.rings) == (2, [])


def test_a_key_that_is_bound_to_a_user_moves_nobody_else_s_memory(stack: FakeStack, client: FlaskClient) -> None:
    stack.settings = replace(stack.settings, auth=replace(stack.settings.auth, required="on"))
    stack.keys["mos-1"] = FakeKey("k", "acme", "alice")
    bearer = {"Authorization": "Bearer mos-1"}
    body = {"user_id": "bob", "format": "transcript", "data": MESSAGES}
    assert client.post(EXPORT, json={"user_id": "bob"}, headers=bearer).status_code == 403
    assert client.post(IMPORT, json=body, headers=bearer).status_code == 403
    # The user that an export names is not whose memory it becomes
    own = client.post(IMPORT, json={"format": "memoryos", "data": OWN}, headers=bearer)
    assert own.status_code == 202
    assert {(event.owner.tenant, event.owner.user) for event in stack.journal.events} == {("acme", "alice")}
