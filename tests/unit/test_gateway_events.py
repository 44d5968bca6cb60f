"""The list of a user's events through the gateway: asked of a worker, never half."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKey, FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.schemas.memory import EventsQuerySchema
from memoryos_tasks.core.errors import InvalidRequest, VectorsDown
from memoryos_tasks.core.settings import Gateway, Settings
from memoryos_tasks.ports.runs import Saying

EVENTS = "/v1/memory/events"
EVENT = {
    "event_id": "e1", "role": "user", "name": None, "content": "我叫李雷", "timestamp": 1.5, "session_id": "default",
    "place": "stm",
}  # fmt: skip


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    made = FakeStack(replace(Settings(), gateway=replace(Gateway(), retrieve_deadline=0.05)))
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def test_a_page_of_events_is_asked_of_a_worker(stack: FakeStack, client: FlaskClient) -> None:
    page = {"events": [EVENT], "next_cursor": "c2VxOjE"}
    seen = stack.reads_get(page)
    query = {"user_id": "李雷", "session_id": "s: 聊", "cursor": "c2VxOjA", "limit": "1000"}
    answer = client.get(EVENTS, query_string=query)
    assert (answer.status_code, answer.json) == (200, page)
    ((task, owner, request),) = seen
    assert (task, owner.tenant, owner.user, stack.doorbell.rings[0][2]) == ("memory.events", "default", "李雷", "chat")
    assert {key: request.get(key) for key in ("session_id", "cursor", "limit")} == {
        "session_id": "s: 聊", "cursor": "c2VxOjA", "limit": 1000,
    }  # fmt: skip


def test_without_more_it_is_the_first_hundred_of_all_sessions(stack: FakeStack, client: FlaskClient) -> None:
    seen = stack.reads_get({"events": [], "next_cursor": None})
    # The session of the header is where a chat goes on, and narrows no list
    client.get(EVENTS, headers={"X-MemoryOS-User": "u", "X-MemoryOS-Session": "s"})
    ((_, owner, request),) = seen
    assert (owner.user, request["limit"]) == ("u", 100)
    assert "session_id" not in request
    assert "cursor" not in request


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("user_id=u&limit=0", "limit"),
        ("user_id=u&limit=1001", "limit"),
        ("user_id=u&limit=ten", "limit"),
        ("user_id=u&cursor=", "cursor"),
        (f"user_id=u&cursor={'x' * 65}", "cursor"),
        ("user_id=u&session_id=", "session_id"),
        ("user_id=u&colour=red", "colour"),
        ("", "user_id"),
    ],
)
def test_nonsense_is_refused_before_a_worker_is_asked(
    stack: FakeStack, client: FlaskClient, query: str, param: str
) -> None:
    answer = client.get(f"{EVENTS}?{query}")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_request")
    assert answer.json["error"]["param"] == param
    assert stack.doorbell.rings == []


def test_a_cursor_that_the_worker_refuses_is_400(stack: FakeStack, client: FlaskClient) -> None:
    stack.reads_get(InvalidRequest("The cursor is odd.", param="cursor").described(), Saying.ERROR)
    answer = client.get(f"{EVENTS}?user_id=u&cursor=nonsense")
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "cursor")


def test_a_list_that_would_lack_events_is_503(stack: FakeStack, client: FlaskClient) -> None:
    stack.reads_get(VectorsDown().described(), Saying.ERROR)
    answer = client.get(f"{EVENTS}?user_id=u")
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "vectors_unavailable")
    assert "events" not in answer.json
    # And so is one that no worker gave
    stack.doorbell.answer = lambda task, args, task_id: None
    answer = client.get(f"{EVENTS}?user_id=u")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_key_that_is_bound_to_a_user_lists_nobody_else(stack: FakeStack, client: FlaskClient) -> None:
    stack.settings = replace(stack.settings, auth=replace(stack.settings.auth, required="on"))
    stack.keys["mos-1"] = FakeKey("k", "acme", "alice")
    seen = stack.reads_get({"events": [], "next_cursor": None})
    bearer = {"Authorization": "Bearer mos-1"}
    assert client.get(f"{EVENTS}?user_id=bob", headers=bearer).status_code == 403
    assert client.get(EVENTS, headers=bearer).status_code == 200
    assert [(owner.tenant, owner.user) for _, owner, _ in seen] == [("acme", "alice")]


def test_the_description_has_the_call(client: FlaskClient) -> None:
    document: Any = client.get("/openapi.json").json
    operation = document["paths"][EVENTS]["get"]
    declared = [one["name"] for one in operation["parameters"] if one["in"] == "query"]
    assert sorted(declared) == sorted(EventsQuerySchema().fields)
