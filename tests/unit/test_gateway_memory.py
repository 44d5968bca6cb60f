"""Memory calls through the gateway: journaled first, applied when a worker says so."""

# Stand-ins have the signatures of what they stand in for.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.settings import Gateway, Settings
from memoryos_tasks.ports.runs import Saying

ADD, RETRIEVE, PROFILE = "/v1/memory/add", "/v1/memory/retrieve", "/v1/memory/profile"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    made = FakeStack(
        replace(Settings(), gateway=replace(Gateway(), add_deadline=0.05, retrieve_deadline=0.05))
    )
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def applying(stack: FakeStack) -> None:
    """Let a worker apply what is journaled."""

    def ingest(task: str, args: tuple[str, ...], task_id: str) -> None:
        job_id, owner, inbox = stack.journal.jobs[-1]
        assert (task, task_id) == ("memory.ingest", job_id)
        stack.runs.say(owner, job_id, Saying.DONE, {}, inbox=inbox)

    stack.doorbell.answer = ingest


def test_one_message_is_journaled_applied_and_answered(stack: FakeStack, client: FlaskClient) -> None:
    applying(stack)
    body = {
        "user_id": "李雷",
        "role": "developer",
        "content": [{"type": "text", "text": "我叫李雷"}],
        "name": None,
        "timestamp": "2026-01-31T12:00:00Z",
        "event_id": "e1",
        "metadata": {"a": 1},
    }
    answer = client.post(ADD, json=body)
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "event_ids": ["e1"], "duplicates": []})
    event = stack.journal.events[0]
    assert (event.owner.tenant, event.owner.user) == ("default", "李雷")
    assert (event.role, event.content, event.timestamp) == ("system", "我叫李雷", 1769860800.0)
    assert (event.session, event.assistant, event.metadata) == ("default", "default", {"a": 1})


def test_many_messages_take_the_outer_fields_as_defaults(stack: FakeStack, client: FlaskClient) -> None:
    applying(stack)
    messages = [
        {"role": "user", "content": "a", "session_id": None},
        {"role": "assistant", "content": "b", "session_id": "inner", "timestamp": 5},
    ]
    body = {
        "user_id": "u",
        "messages": messages,
        "session_id": "outer",
        "timestamp": 1.5,
        "assistant_id": "bot",
    }
    answer = client.post(ADD, json=body)
    said = [
        (event.content, event.session, event.timestamp, event.assistant) for event in stack.journal.events
    ]
    assert said == [("a", "outer", 1.5, "bot"), ("b", "inner", 5.0, "bot")]
    assert answer.json["event_ids"] == [event.event_id for event in stack.journal.events]


def test_what_is_not_applied_in_time_is_accepted(stack: FakeStack, client: FlaskClient) -> None:
    # Given no worker that answers
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "c", "event_id": "e"})
    # Then the event is journaled and the answer says where to ask
    assert answer.status_code == 202
    assert answer.json == {
        "status": "accepted",
        "event_ids": ["e"],
        "duplicates": [],
        "job_id": "job_ingest0",
    }
    assert answer.headers["X-MemoryOS-Job"] == "job_ingest0"


def test_the_async_pipeline_does_not_wait(stack: FakeStack, client: FlaskClient) -> None:
    stack.settings = replace(stack.settings, memory=replace(stack.settings.memory, async_pipeline=True))
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "c"})
    assert (answer.status_code, answer.json["status"]) == (202, "accepted")
    assert stack.journal.jobs[0][2] == ""
    assert stack.doorbell.rings == [("memory.ingest", (), "memory")]


def test_what_was_seen_before_has_no_second_effect(stack: FakeStack, client: FlaskClient) -> None:
    applying(stack)
    body = {"user_id": "u", "role": "user", "content": "c", "event_id": "e"}
    client.post(ADD, json=body)
    answer = client.post(ADD, json=body)
    assert (answer.status_code, answer.json) == (
        200,
        {"status": "duplicate", "event_ids": [], "duplicates": ["e"]},
    )
    assert len(stack.journal.events) == 1


def test_one_id_with_other_content_is_a_conflict(stack: FakeStack, client: FlaskClient) -> None:
    applying(stack)
    client.post(ADD, json={"user_id": "u", "role": "user", "content": "c", "event_id": "e"})
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "d", "event_id": "e"})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "event_id_conflict")
    assert answer.json["error"]["param"]


def test_an_id_twice_in_one_request(stack: FakeStack, client: FlaskClient) -> None:
    applying(stack)
    same = {"role": "user", "content": "c", "event_id": "e"}
    # The same content: once
    answer = client.post(ADD, json={"user_id": "u", "messages": [same, same]})
    assert answer.json == {"status": "ok", "event_ids": ["e"], "duplicates": ["e"]}
    # Other content: refused whole
    other = {**same, "event_id": "f"}
    answer = client.post(ADD, json={"user_id": "u", "messages": [other, {**other, "content": "d"}]})
    assert (answer.status_code, answer.json["error"]["param"]) == (409, "messages[1].event_id")
    assert len(stack.journal.events) == 1


def test_an_ingest_that_ends_before_anybody_listens_is_still_heard(
    stack: FakeStack, client: FlaskClient
) -> None:
    # Given a worker that was reading the journal already, quicker than the gateway
    append = stack.journal.append

    def quick(owner: Any, events: Any, *, inbox: str = "", request_id: str = "") -> Any:
        receipt = append(owner, events, inbox=inbox, request_id=request_id)
        stack.runs.say(owner, receipt.job_id, Saying.DONE, {}, inbox=inbox)
        return receipt

    stack.journal.append = quick  # type: ignore[method-assign]
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "c"})
    assert (answer.status_code, answer.json["status"]) == (200, "ok")


def test_a_retrieve_asks_a_worker_and_gives_its_answer(stack: FakeStack, client: FlaskClient) -> None:
    found = {"short_term": [], "mid_term": [], "long_term": {}, "results": [{"id": "1", "content": "爱丽丝"}]}
    seen = stack.reads_get(found)
    body = {"user_id": "u", "query": "名字?", "limit": 3, "tiers": ["mid_term"], "as_of": 10, "explain": True}
    answer = client.post(RETRIEVE, json=body, headers={"X-MemoryOS-Session": "s"})
    assert (answer.status_code, answer.json) == (200, found)
    task, owner, request = seen[0]
    assert (task, owner.user, stack.doorbell.rings[0][2]) == ("memory.retrieve", "u", "chat")
    asked = {key: request[key] for key in ("query", "limit", "tiers", "as_of", "explain", "session")}
    assert asked == {
        "query": "名字?",
        "limit": 3,
        "tiers": ["mid_term"],
        "as_of": 10.0,
        "explain": True,
        "session": "s",
    }


def test_a_retrieve_by_url_is_the_same(stack: FakeStack, client: FlaskClient) -> None:
    seen = stack.reads_get({"results": []})
    query = {"user_id": "u", "query": "q", "limit": "7", "tiers": "mid_term,long_term", "as_of": "12.5"}
    answer = client.get(RETRIEVE, query_string=query)
    assert answer.status_code == 200
    request = seen[0][2]
    assert (request["limit"], request["tiers"], request["as_of"], request["explain"]) == (
        7,
        ["mid_term", "long_term"],
        12.5,
        False,
    )


def test_a_retrieve_without_a_limit_takes_the_configured_one(stack: FakeStack, client: FlaskClient) -> None:
    seen = stack.reads_get({"results": []})
    client.post(RETRIEVE, json={"user_id": "u", "query": "q"})
    assert seen[0][2]["limit"] == 10


def test_a_retrieve_without_vectors_says_so(stack: FakeStack, client: FlaskClient) -> None:
    stack.reads_get({"results": [], "missing": ["vectors"]})
    answer = client.post(RETRIEVE, json={"user_id": "u", "query": "q"})
    assert answer.headers["X-MemoryOS-Status"] == "degraded:vectors"


def test_a_profile_is_read(stack: FakeStack, client: FlaskClient) -> None:
    seen = stack.reads_get({"user_id": "u", "profile": []})
    assert client.get(PROFILE, query_string={"user_id": "u"}).json == {"user_id": "u", "profile": []}
    assert seen[0][0] == "memory.profile"


def test_a_read_that_nobody_answers_is_unavailable(client: FlaskClient) -> None:
    answer = client.post(RETRIEVE, json={"user_id": "u", "query": "q"})
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "service_unavailable")
    assert answer.headers["Retry-After"] == "1"


def test_a_read_that_fails_gives_the_workers_error(stack: FakeStack, client: FlaskClient) -> None:
    stack.reads_get(InvalidRequest("The query is odd.", param="query").described(), Saying.ERROR)
    answer = client.post(RETRIEVE, json={"user_id": "u", "query": "q"})
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "query")


def test_past_the_bound_an_add_is_told_to_come_back_and_nothing_is_written(
    stack: FakeStack, client: FlaskClient
) -> None:
    stack.journal.full = True
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "你好"})
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "queue_full")
    assert answer.json["error"]["type"] == "rate_limit_error"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (stack.journal.events, stack.doorbell.rings) == ([], [])


def test_one_bell_serves_all_adds_until_a_worker_hears_it(stack: FakeStack, client: FlaskClient) -> None:
    # Given no worker that takes the first bell
    def add() -> int:
        return client.post(ADD, json={"user_id": "u", "role": "user", "content": "c"}).status_code

    assert [add() for _ in range(3)] == [202] * 3
    assert len(stack.doorbell.rings) == 1
    # When one has begun to read, the next add rings again
    stack.journal.answer()
    add()
    assert len(stack.doorbell.rings) == 2


def test_an_add_that_need_not_ring_is_still_answered_when_it_is_applied(
    stack: FakeStack, client: FlaskClient
) -> None:
    # Given a bell that is outstanding, and a worker that applies what it finds
    stack.journal.ring()
    append = stack.journal.append

    def applied(owner: Any, events: Any, *, inbox: str = "", request_id: str = "") -> Any:
        receipt = append(owner, events, inbox=inbox, request_id=request_id)
        stack.runs.say(owner, receipt.job_id, Saying.DONE, {}, inbox=inbox)
        return receipt

    stack.journal.append = applied  # type: ignore[method-assign]
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "c"})
    assert (answer.status_code, answer.json["status"], stack.doorbell.rings) == (200, "ok", [])


def test_an_add_of_which_an_event_is_buried_is_accepted_and_no_error(stack: FakeStack, client: FlaskClient) -> None:
    # It is journaled, and its job tells what became of it
    def ingest(task: str, args: tuple[str, ...], task_id: str) -> None:
        job_id, owner, inbox = stack.journal.jobs[-1]
        stack.runs.say(owner, job_id, Saying.ERROR, InvalidRequest("x").described(), inbox=inbox)

    stack.doorbell.answer = ingest
    answer = client.post(ADD, json={"user_id": "u", "role": "user", "content": "c"})
    assert (answer.status_code, answer.json["status"]) == (202, "accepted")
