"""The plane over HTTP: the plain call, messages, sessions, keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKey
from flask import Flask
from flask.testing import FlaskClient
from plane_house import FREE, House, served
from waiting import until

from memoryos_app.plane.app import create_plane_app
from memoryos_app.plane.app_parts import REFUSED_SECONDS, PlaneParts, hold, plane
from memoryos_app.plane.auth import same
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.errors import Unavailable, UpstreamTimeout
from memoryos_tasks.core.plane.config import Auth, Limits, PlaneConfig
from memoryos_tasks.core.plane.messages import Opcode, opcode_of
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.plane.scheduling import EndpointState, State
from memoryos_tasks.ports.runs import Saying

KEY = "plane-key-1234567890"
KEYED = PlaneConfig(auth=Auth(enabled=True, api_key=KEY), limits=FREE)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


@pytest.fixture
def client(house: House) -> FlaskClient:
    return house.app().test_client()


def send(client: FlaskClient, opcode: object, payload: Any = None, **more: Any) -> Any:
    return client.post("/mcp/messages", json={"opcode": opcode, **({"payload": payload} if payload else {}), **more})


def told(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json["payload"]


# The plain call


def test_the_plain_call_is_answered_with_its_text_alone(house: House, client: FlaskClient) -> None:
    house.answer = lambda body: "好的, done"
    answer = client.post("/inference", json={"prompt": "打开设置", "temperature": 0.2, "max_tokens": 9, "x": 1})
    assert (answer.status_code, answer.json) == (200, {"text": "好的, done"})
    # And it was a job of its own kind, with nothing but what was asked
    job = house.stack.ledger.get("default", answer.headers["X-MemoryOS-Job"])
    assert (job.kind, job.status, job.inbox) == ("infer", Status.SUCCEEDED, "inbox-1")
    assert job.request["body"] == {"prompt": "打开设置", "temperature": 0.2, "max_tokens": 9}
    assert job.request["memory"] is False
    assert 0 < job.deadline - time.time() <= house.config.mcp.timeout
    assert job.request["deadline"] == job.deadline
    assert (answer.headers["X-MemoryOS-Model"], answer.headers["X-MemoryOS-Endpoint"]) == ("glm-9b", "e1")


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "prompt"), ({"prompt": ""}, "prompt"), ({"prompt": 1}, "prompt"),
     ({"prompt": "x", "temperature": "hot"}, "temperature"),
     ({"prompt": "x", "temperature": 3}, "temperature"), ({"prompt": "x", "max_tokens": 0}, "max_tokens"), ([], None)],
)  # fmt: skip
def test_what_is_wrong_is_named(client: FlaskClient, house: House, body: Any, param: str | None) -> None:
    answer = client.post("/inference", json=body)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param)
    assert answer.json["error"]["code"] == "invalid_request"
    assert not house.bodies


def test_a_model_that_is_not_there_is_named(client: FlaskClient, house: House) -> None:
    answer = client.post("/inference", json={"prompt": "x", "model": "gpt"})
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "model_not_found")
    assert "glm-9b, other" in answer.json["error"]["message"]
    house.registry.rows.clear()
    assert client.post("/inference", json={"prompt": "x"}).status_code == 503


def test_a_failed_run_gives_its_status(house: House, client: FlaskClient) -> None:
    said = Saying.ERROR, UpstreamTimeout().described()
    house.stack.doorbell.answer = lambda task, args, id: house.stack.say(id, said)
    answer = client.post("/inference", json={"prompt": "x"})
    assert (answer.status_code, answer.json["error"]["code"]) == (504, "upstream_timeout")


def test_without_a_worker_or_a_store_it_is_503(house: House, client: FlaskClient) -> None:
    whole = house.stack.watch.state
    for state in (replace(whole, workers=()), replace(whole, truth=False), replace(whole, traffic=False)):
        house.stack.watch.state = state
        answer = client.post("/inference", json={"prompt": "x"})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert client.get("/mcp/health").status_code == 503
    # And what cannot be rung for is not left to run later
    house.stack.watch.state, house.stack.doorbell.down = whole, True
    assert client.post("/inference", json={"prompt": "x"}).status_code == 503
    assert [job.status for job in house.stack.ledger.rows.values()] == [Status.CANCELLED]


# Messages


@pytest.mark.parametrize("opcode", [10, "0x0A", "0x0a", "0XA"])
def test_an_opcode_is_a_number_or_a_text(house: House, client: FlaskClient, opcode: object) -> None:
    answer = send(client, opcode, {"messages": [{"role": "user", "content": "hi"}], "model": "other"})
    assert answer.json["opcode"] == "0x0A"
    assert (answer.json["name"], answer.json["session_id"]) == ("inference", None)
    assert told(answer)["text"] == "ok"
    assert house.bodies == [{"model": "other", "messages": [{"role": "user", "content": "hi"}]}]


@pytest.mark.parametrize("opcode", [None, True, 1.5, "ten", "10", "0x", "0xFFFFF", 0, 11, -1, [10], {}])
def test_what_is_no_opcode_is_refused_with_the_list(client: FlaskClient, opcode: object) -> None:
    answer = send(client, opcode)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "opcode")


def test_there_are_no_two_names_and_every_opcode_is_served(client: FlaskClient) -> None:
    assert [opcode_of(each.shown) for each in Opcode] == list(Opcode)
    for each in Opcode:
        assert send(client, each.value, session_id="s").status_code in (200, 400)


@pytest.mark.parametrize(
    ("opcode", "payload", "param"),
    [(10, {}, "payload.prompt"),
     (10, {"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "payload.prompt"),
     (10, {"messages": [{"role": "king", "content": "b"}]}, "payload.messages[0].role"),
     (3, {"name": "m"}, "payload.endpoint"), (4, {}, "payload.id"), (4, {"id": "x", "model": "y"}, "payload.id"),
     (9, {}, "payload.request_id"), (7, {}, "session_id")],
)  # fmt: skip
def test_a_wrong_payload_is_named(client: FlaskClient, opcode: int, payload: dict[str, Any], param: str) -> None:
    answer = send(client, opcode, payload)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, param), answer.json


def test_models_and_endpoints_and_nodes_are_listed_without_secrets(house: House, client: FlaskClient) -> None:
    expected = [{"name": "glm-9b", "endpoints": 2, "tier": 2}, {"name": "other", "endpoints": 1, "tier": 2}]
    assert client.get("/mcp/models").json == told(send(client, 2)) == {"models": expected}
    first = next(iter(house.registry.rows))
    house.states[first] = EndpointState(State.OPEN, 3, 0.5, 2, 30.0)
    listed = client.get("/mcp/endpoints")
    assert listed.json == told(send(client, 5))
    assert "tok-secret" not in listed.text
    shown = listed.json["endpoints"][0]
    assert (shown["id"], shown["state"]["breaker"], shown["state"]["in_flight"]) == (first, "open", 3)
    assert [one["model"] for one in told(send(client, 5, {"model": "other"}))["endpoints"]] == ["other"]
    assert send(client, 5, {"model": "no"}).status_code == 404
    assert client.get("/mcp/nodes").json == told(send(client, 6))
    node = client.get("/mcp/nodes").json["nodes"][0]
    assert (node["id"], node["role"], node["last_sync"], node["lag_ms"]) == ("n1", "scheduler", 2.0, 3)
    assert told(send(client, "0x01"))["pong"] is True


def test_endpoints_come_and_go_by_message(house: House, client: FlaskClient) -> None:
    made = told(send(client, 3, {"name": "new", "endpoint": "http://10.0.0.9:8000/g", "token": "t", "weight": 2}))
    assert house.registry.rows[made["id"]].weight == 2
    for wrong in ({"weight": "much"}, {"token": "env:HOME"}, {"colour": "red"}):
        assert send(client, 3, {"name": "bad", "endpoint": "http://10.0.0.9:8000/g", **wrong}).status_code == 400
    assert told(send(client, 4, {"id": made["id"], "drain": True})) == {"ids": [made["id"]], "draining": True}
    assert house.registry.rows[made["id"]].draining
    assert told(send(client, 4, {"model": "glm-9b"}))["draining"] is False
    assert {one.model for one in house.registry.endpoints()} == {"new", "other"}
    assert send(client, 4, {"id": "none"}).status_code == 404


def test_health_names_models_that_nobody_serves(house: House, client: FlaskClient) -> None:
    assert client.get("/mcp/health").json["status"] == "ready"
    for id, one in house.registry.rows.items():
        if one.model == "other":
            house.states[id] = EndpointState(State.OPEN)
    answer = client.get("/mcp/health")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert answer.json["models_without_endpoint"] == ["other"]


def test_a_model_whose_endpoints_all_drain_is_refused_at_once_and_shown(house: House, client: FlaskClient) -> None:
    for id, one in list(house.registry.rows.items()):
        if one.model == "other":
            house.registry.drain(id)
    answer = client.post("/inference", json={"prompt": "x", "model": "other"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "being drained" in answer.json["error"]["message"]
    assert house.bodies == []
    health = client.get("/mcp/health").json
    assert (health["status"], health["models_without_endpoint"]) == ("degraded", ["other"])
    # And the others are served
    assert client.post("/inference", json={"prompt": "x"}).status_code == 200


def test_a_fault_in_a_payload_is_named_by_its_path(client: FlaskClient) -> None:
    sent = {"name": "m", "endpoint": "http://127.0.0.1:9/", "token": "env:HOME"}
    error = send(client, 3, sent).json["error"]
    assert error["param"] == "payload.token"
    assert error["message"].startswith("payload.token: ")
    error = send(client, 9, {"request_id": "nobody"}).json["error"]
    assert (error["param"], "inference" in error["message"]) == ("payload.request_id", True)


def test_the_file_is_read_again_when_asked(house: House, client: FlaskClient) -> None:
    assert client.post("/mcp/reload").json["status"] == "applied"
    house.refused = "models[0].endpoint: is missing."
    answer = client.post("/mcp/reload")
    assert (answer.status_code, answer.json["error"]["message"]) == (400, house.refused)


# Sessions


def test_a_session_goes_on_and_ends(house: House, client: FlaskClient) -> None:
    house.answer = lambda body: f"answer {len(house.bodies)}"
    assert send(client, 10, {"prompt": "I am Li 李"}, session_id="s").json["session_id"] == "s"
    # Then the next message comes with what was said, whichever call it takes
    client.post("/inference", json={"prompt": "who?", "session_id": "s"})
    assert house.bodies[1] == {"messages": [
        {"role": "user", "content": "I am Li 李"}, {"role": "assistant", "content": "answer 1"},
        {"role": "user", "content": "who?"}]}  # fmt: skip
    read = told(send(client, 7, session_id="s"))
    assert (read["exchanges"], read["messages"][-1]["content"]) == (2, "answer 2")
    # And a session of that name of somebody else is another one
    assert told(send(client, 7, session_id="s", user="bob")) == {"messages": [], "exchanges": 0}
    assert told(send(client, 8, session_id="s")) == {"closed": True}
    assert told(send(client, 8, session_id="s")) == {"closed": False}
    send(client, 10, {"prompt": "again"}, session_id="s")
    assert house.bodies[2] == {"prompt": "again"}


def test_a_session_is_bounded(house: House, client: FlaskClient) -> None:
    house.config = replace(house.config, sessions=replace(house.config.sessions, exchanges=3, characters=100))
    for number in range(5):
        send(client, 10, {"prompt": f"{number}" * 20}, session_id="s")
    assert told(send(client, 7, session_id="s"))["exchanges"] == 3
    # And what is too long for it is answered, and not kept
    send(client, 10, {"prompt": "x" * 200}, session_id="s")
    assert told(send(client, 7, session_id="s"))["exchanges"] == 3


def test_the_same_request_id_is_the_same_inference(house: House, client: FlaskClient) -> None:
    asked = {"prompt": "x", "request_id": "r1"}
    first, again = (send(client, 10, asked, session_id="s") for _ in range(2))
    assert told(first)["job_id"] == told(again)["job_id"]
    assert len(house.bodies) == 1
    assert told(send(client, 7, session_id="s"))["exchanges"] == 1
    other = send(client, 10, {**asked, "prompt": "y"}, session_id="s")
    assert (other.status_code, other.json["error"]["code"]) == (409, "idempotency_conflict")
    assert told(send(client, 10, asked, session_id="s", user="bob"))["job_id"] != told(first)["job_id"]


def test_an_inference_can_be_cancelled_by_who_asked(house: House, client: FlaskClient) -> None:
    # Given a run that goes on
    rung = threading.Event()
    house.stack.doorbell.answer = lambda task, args, id: rung.set()
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(send, house.app().test_client(), 10, {"prompt": "x", "request_id": "r1"})
        assert rung.wait(5)
        # When its client sends its name, Then it ends, and its worker is told
        cancelled = told(send(client, 9, {"request_id": "r1"}))
        assert cancelled["status"] == "cancelled"
        job_id = cancelled["job_id"]
        assert job_id in house.stack.runs.cancelled
        assert asked.result(10).json["error"]["code"] == "cancelled"
    # Then nobody else may, nor what is no inference
    assert send(client, 9, {"job_id": job_id}, user="bob").status_code == 404
    assert send(client, 9, {"job_id": "job_none"}).status_code == 404


# Keys


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": f"Bearer {KEY}"}, 200), ({"X-API-Key": KEY}, 200), ({"X-API-Key": KEY[:-1]}, 401),
     ({"Authorization": f"Basic {KEY}"}, 401), ({"Authorization": "Bearer ключ"}, 401)],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/inference", "/mcp/models", "/mcp/nodes", "/mcp/reload", "/metrics"])
def test_with_a_key_only_its_holder_is_answered(headers: dict[str, str], status: int, path: str) -> None:
    house = House(KEYED)
    try:
        client = house.app().test_client()
        headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        post = path in ("/inference", "/mcp/reload")
        answer = client.post(path, json={"prompt": "x"}, headers=headers) if post else client.get(path, headers=headers)
        assert answer.status_code == status, answer.text
        if status == 401:
            assert answer.json["error"]["code"] == "invalid_api_key"
            assert house.watcher.wrong == ([] if path == "/metrics" else ["127.0.0.1"])
        # A probe needs none
        assert client.get("/mcp/health").status_code == 200
    finally:
        house.close()


def test_keys_are_compared_whole_whatever_their_length() -> None:
    assert same("a", "a")
    assert same("钥匙", "钥匙")
    assert not same("a", "b")
    assert not same("", "a")
    assert not same("aa", "a")


def test_a_key_of_the_gateway_opens_the_plane_too_and_only_an_admins_changes_it() -> None:
    house = House(KEYED, Settings(auth=options.Auth(required="on")))
    house.stack.keys = {"mos-1": FakeKey("k", "acme", "ann"), "mos-2": FakeKey("k2", "acme", admin=True)}
    try:
        client = house.app().test_client()
        for key, status in (("mos-1", 403), ("mos-2", 200)):
            headers = {"X-API-Key": key}
            answer = client.post("/inference", json={"prompt": "x"}, headers=headers)
            assert answer.status_code == 200
            job = house.stack.ledger.get("acme", answer.headers["X-MemoryOS-Job"])
            assert job.owner.user == ("ann" if key == "mos-1" else "")
            assert client.get("/mcp/endpoints", headers=headers).status_code == status
            for opcode in (3, 4, 5, 6):
                sent = {"opcode": opcode, "payload": {"name": "m", "endpoint": "http://h/g", "id": "x"}}
                answer = client.post("/mcp/messages", json=sent, headers=headers)
                assert (answer.status_code == 403) is (status == 403), (opcode, answer.text)
        answer = client.post("/inference", json={"prompt": "x", "user": "bob"}, headers={"X-API-Key": "mos-1"})
        assert answer.status_code == 403
    finally:
        house.close()


def test_without_a_key_strangers_are_refused_unless_it_is_open(house: House, client: FlaskClient) -> None:
    stranger = {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    assert client.post("/inference", json={"prompt": "x"}, **stranger).status_code == 403
    house.config = replace(house.config, auth=Auth(allow_open=True))
    assert client.post("/inference", json={"prompt": "x"}, **stranger).status_code == 200
    assert client.get("/mcp/endpoints", **stranger).status_code == 403
    assert client.get("/mcp/endpoints").status_code == 200


def test_a_plane_that_cannot_start_says_why_and_starts_when_it_can(house: House) -> None:
    # Given a registry that is not there yet
    away = [Unavailable("etcd at 127.0.0.1:2379 does not answer. Start it.", retry_after=1)]

    def start() -> PlaneParts:
        if away:
            raise away.pop()
        return house.parts()

    client = create_plane_app(start, lambda: house.stack.settings, parts=house.stack.parts).test_client()
    answer = client.post("/inference", json={"prompt": "x"})
    assert answer.status_code == 503
    assert "Start it." in answer.json["error"]["message"]
    # When it is there, Then the plane starts with a later request
    until(lambda: client.post("/inference", json={"prompt": "x"}).status_code == 200, seconds=5, what="it has started")
    assert client.get("/mcp/models").status_code == 200


def test_a_plane_that_cannot_start_is_not_started_again_by_every_request(house: House) -> None:
    # Given a start that fails, and a clock
    starts, now = [0], [100.0]

    def start() -> PlaneParts:
        starts[0] += 1
        if starts[0] == 1:
            raise Unavailable("etcd does not answer.", retry_after=1)
        return house.parts()

    app = Flask("plane")
    hold(app, start, lambda: now[0])
    with app.app_context():
        # When it is asked for again and again, Then it is not tried
        for _ in range(5):
            with pytest.raises(Unavailable, match="etcd does not answer"):
                plane()
        assert starts == [1]
        # And a moment later it is, once
        now[0] += REFUSED_SECONDS
        assert plane() is plane()
        assert starts == [2]


def test_operators_see_the_policy_in_force(house: House, client: FlaskClient) -> None:
    house.config = replace(house.config, limits=Limits(rps=7.0), auth=Auth(enabled=True, api_key=KEY))
    told = client.get("/mcp/config", headers={"X-API-Key": KEY}).json
    assert told["policy"]["limits"]["rps"] == 7.0
    assert {"scheduling", "breaker", "sessions", "timeout"} < set(told["policy"])
    assert (KEY in str(told), told["revision"]) == (False, house.registry.revision())
    assert client.get("/mcp/config").status_code == 401
    assert client.get("/mcp/config", headers={"X-API-Key": "mos-nobody"}).status_code in (401, 403)


def test_all_paths_may_stand_below_another(house: House) -> None:
    client = house.app("/plane").test_client()
    assert client.post("/plane/inference", json={"prompt": "x"}).json == {"text": "ok"}
    assert client.get("/plane/mcp/models").status_code == client.get("/plane/metrics").status_code == 200
    assert client.get("/mcp/models").status_code == 404


def test_the_document_describes_the_calls(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").json["paths"]
    calls = ("messages", "models", "endpoints", "nodes", "health", "config", "reload")
    assert {"/inference", *(f"/mcp/{call}" for call in calls)} <= set(paths)
    assert served("m").token
