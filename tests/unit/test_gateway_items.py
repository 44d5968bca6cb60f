"""Items through the gateway: read by a worker, changed by a job that is in the ledger first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKey, FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.schemas.items import ItemsQuerySchema
from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.settings import Gateway, Settings
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying

ITEMS, ID = "/v1/memory/items", "5c1b8f0e-0000-4000-8000-000000000001"
ITEM = {"id": ID, "tier": "long_term", "kind": "trait", "content": "住在上海", "sources": ["e1"], "created_at": 1.0}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    made = FakeStack(replace(Settings(), gateway=replace(Gateway(), retrieve_deadline=0.05, add_deadline=0.05)))
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def changing(stack: FakeStack, status: Status, *, result: Any = None, error: Any = None) -> list[Any]:
    """Let a worker make every change; the jobs are collected."""
    seen: list[Any] = []

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        job = stack.ledger.get(*args)
        seen.append((task, job))
        stack.ledger.close(job.id, status, result=result, error=error)
        saying = Saying.DONE if status is Status.SUCCEEDED else Saying.ERROR
        stack.runs.say(job.owner, job.id, saying, {}, inbox=job.inbox)

    stack.doorbell.answer = run
    return seen


def test_a_list_is_asked_of_a_worker(stack: FakeStack, client: FlaskClient) -> None:
    page = {"items": [ITEM], "next_cursor": None}
    seen = stack.reads_get(page)
    query = {"user_id": "李雷", "tier": "long_term", "kind": "trait", "ended": "true", "limit": "500", "cursor": "x"}
    answer = client.get(ITEMS, query_string=query)
    assert (answer.status_code, answer.json) == (200, page)
    ((task, owner, request),) = seen
    assert (task, owner.user, stack.doorbell.rings[0][2]) == ("memory.items", "李雷", "chat")
    assert {key: request.get(key) for key in ("kind", "tier", "only", "ended", "limit", "cursor")} == {
        "kind": "items", "tier": "long_term", "only": "trait", "ended": True, "limit": 500, "cursor": "x",
    }  # fmt: skip


@pytest.mark.parametrize(("path", "task"), [("", "memory.item"), ("/history", "memory.versions")])
def test_an_item_is_asked_of_a_worker(stack: FakeStack, client: FlaskClient, path: str, task: str) -> None:
    seen = stack.reads_get(ITEM)
    answer = client.get(f"{ITEMS}/{ID}{path}?user_id=u")
    assert (answer.status_code, answer.json) == (200, ITEM)
    assert [(name, request["id"]) for name, _, request in seen] == [(task, ID)]
    stack.reads_get(NotFound("There is no item.", param="id").described(), Saying.ERROR)
    assert client.get(f"{ITEMS}/{ID}{path}?user_id=u").status_code == 404


CHANGES = [
    ("PATCH", "", {"value": "北京"}, "patch"),
    ("PATCH", "", {"content": "用户住在北京"}, "patch"),
    ("POST", "/feedback", {"value": "like"}, "feedback"),
    ("POST", "/undo", {}, "undo"),
    ("DELETE", "", None, "delete"),
]


def call(client: FlaskClient, method: str, path: str, body: Any) -> Any:
    if body is None:
        return client.open(f"{ITEMS}/{ID}{path}?user_id=u", method=method)
    return client.open(f"{ITEMS}/{ID}{path}", method=method, json={"user_id": "u", **body})


@pytest.mark.parametrize(("method", "path", "body", "action"), CHANGES)
def test_a_change_is_a_job_that_the_client_waits_for(
    stack: FakeStack, client: FlaskClient, method: str, path: str, body: Any, action: str
) -> None:
    seen = changing(stack, Status.SUCCEEDED, result=ITEM)
    answer = call(client, method, path, body)
    assert (answer.status_code, answer.json) == (200, ITEM)
    ((task, job),) = seen
    assert (task, job.kind, job.owner.user) == ("memory.change", "change", "u")
    expected = {"item": ID, "action": action, **(body or {})}
    assert {key: job.request[key] for key in expected} == expected
    # Words travel in the ledger only
    assert stack.doorbell.rings == [("memory.change", ("default", job.id), "chat")]
    assert answer.headers["X-MemoryOS-Job"] == job.id


def test_what_cannot_be_changed_is_told(stack: FakeStack, client: FlaskClient) -> None:
    changing(stack, Status.FAILED, error=NotFound("There is no item.", param="id").described())
    answer = call(client, "DELETE", "", None)
    assert (answer.status_code, answer.json["error"]["code"], answer.json["error"]["param"]) == (404, "not_found", "id")


def test_a_change_that_takes_longer_is_accepted(stack: FakeStack, client: FlaskClient) -> None:
    answer = call(client, "DELETE", "", None)
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    assert stack.ledger.get("default", answer.json["job_id"]).request["action"] == "delete"


def test_without_the_broker_a_change_is_still_accepted(stack: FakeStack, client: FlaskClient) -> None:
    stack.doorbell.down = True
    assert call(client, "POST", "/feedback", {"value": "dislike"}).status_code == 202
    stack.watch.traffic_failed()
    answer = call(client, "POST", "/feedback", {"value": "dislike"})
    assert answer.status_code == 202
    assert len(stack.ledger.rows) == 2


def test_without_the_store_of_record_nothing_is_changed(stack: FakeStack, client: FlaskClient) -> None:
    stack.ledger.down = True
    answer = call(client, "DELETE", "", None)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "truth_unavailable")
    assert stack.doorbell.rings == []


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("GET", "?user_id=u&limit=0", None, "limit"),
        ("GET", "?user_id=u&limit=501", None, "limit"),
        ("GET", "?user_id=u&tier=long", None, "tier"),
        ("GET", "?user_id=u&kind=change", None, "kind"),
        ("GET", "?user_id=u&ended=maybe", None, "ended"),
        ("GET", "?user_id=u&colour=red", None, "colour"),
        ("GET", "", None, "user_id"),
        ("GET", f"/{ID}", None, "user_id"),
        ("GET", f"/{ID}?user_id=u&x=1", None, "x"),
        ("DELETE", f"/{ID}", None, "user_id"),
        ("PATCH", f"/{ID}", {"user_id": "u"}, "value"),
        ("PATCH", f"/{ID}", {"user_id": "u", "value": " "}, "value"),
        ("PATCH", f"/{ID}", {"user_id": "u", "content": "x" * 10_001}, "content"),
        ("PATCH", f"/{ID}", {"user_id": "u", "value": "x", "confidence": 1}, "confidence"),
        ("POST", f"/{ID}/feedback", {"user_id": "u"}, "value"),
        ("POST", f"/{ID}/feedback", {"user_id": "u", "value": "meh"}, "value"),
        ("POST", f"/{ID}/undo", {"user_id": "u", "value": "like"}, "value"),
    ],
)
def test_nonsense_is_refused_before_a_worker_is_asked(
    stack: FakeStack, client: FlaskClient, method: str, path: str, body: Any, param: str
) -> None:
    answer = client.open(f"{ITEMS}{path}", method=method, json=body)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param)
    assert stack.doorbell.rings == []
    assert stack.ledger.rows == {}


def test_a_key_that_is_bound_to_a_user_changes_nobody_else_s(stack: FakeStack, client: FlaskClient) -> None:
    stack.settings = replace(stack.settings, auth=replace(stack.settings.auth, required="on"))
    stack.keys["mos-1"] = FakeKey("k", "acme", "alice")
    seen = changing(stack, Status.SUCCEEDED, result=ITEM)
    bearer = {"Authorization": "Bearer mos-1"}
    assert client.delete(f"{ITEMS}/{ID}?user_id=bob", headers=bearer).status_code == 403
    assert client.patch(f"{ITEMS}/{ID}", json={"user_id": "bob", "value": "x"}, headers=bearer).status_code == 403
    assert client.delete(f"{ITEMS}/{ID}", headers=bearer).status_code == 200
    assert [(job.owner.tenant, job.owner.user) for _, job in seen] == [("acme", "alice")]


def test_the_description_has_the_calls(client: FlaskClient) -> None:
    paths: Any = client.get("/openapi.json").json["paths"]
    declared = [one["name"] for one in paths[ITEMS]["get"]["parameters"] if one["in"] == "query"]
    assert sorted(declared) == sorted(ItemsQuerySchema().fields)
    assert {"get", "patch", "delete"} <= set(paths[f"{ITEMS}/{{item_id}}"])
    assert "post" in paths[f"{ITEMS}/{{item_id}}/undo"]
