"""Who may come in, what is shown of the state, and what still works when a store is away."""

# Stand-ins have the signatures of what they stand in for.

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKey, FakeStack, FakeWorker, chunk, completion
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.keyring import FRESH, STALE, KeyRing
from memoryos_app.watch import State
from memoryos_tasks.core.errors import TruthDown
from memoryos_tasks.core.settings import Auth, Gateway, Llm, Memory, Settings, Vectors
from memoryos_tasks.ports.runs import Saying

CHAT, ADD = "/v1/chat/completions", "/v1/memory/add"
ASK = {"model": "offline", "messages": [{"role": "user", "content": "hi"}]}
NOTE = {"user_id": "u", "role": "user", "content": "c", "event_id": "e"}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    settings = replace(Settings(), memory=replace(Memory(), async_pipeline=True))
    made = FakeStack(replace(settings, gateway=replace(Gateway(), retrieve_deadline=0.05)))
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def locked(stack: FakeStack) -> None:
    stack.settings = replace(stack.settings, auth=replace(Auth(), required="on"))
    stack.keys = {"mos-acme": FakeKey("k1", "acme"), "mos-alice": FakeKey("k2", "acme", "alice")}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def answering(stack: FakeStack) -> None:
    """Let a worker answer ledgered and unledgered chats."""

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        asked = stack.runs.asked(*args)
        if asked is None:
            stack.say(task_id, (Saying.DONE, completion("ledgered")))
            return
        owner, request = asked
        stack.runs.say(owner, task_id, Saying.DONE, completion("unledgered"), inbox=request["inbox"])

    stack.doorbell.answer = run


# Keys


@pytest.mark.parametrize(
    "headers", [{}, bearer("mos-wrong"), {"X-API-Key": "no"}, {"Authorization": "Basic eDp5"}]
)
def test_without_a_known_key_nothing_is_answered(stack: FakeStack, client: FlaskClient, headers: Any) -> None:
    locked(stack)
    answer = client.get("/v1/models", headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "invalid_api_key")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("headers", [bearer("mos-acme"), {"X-API-Key": "mos-acme"}])
def test_the_tenant_is_the_keys(stack: FakeStack, client: FlaskClient, headers: Any) -> None:
    locked(stack)
    client.post(ADD, json=NOTE, headers=headers)
    assert stack.journal.events[0].owner.tenant == "acme"


def test_a_bound_key_acts_for_its_user_only(stack: FakeStack, client: FlaskClient) -> None:
    locked(stack)
    answering(stack)
    # Its own user, named or not
    assert client.post(CHAT, json=ASK, headers=bearer("mos-alice")).status_code == 200
    assert client.post(CHAT, json={**ASK, "user": "alice"}, headers=bearer("mos-alice")).status_code == 200
    assert {job.owner.user for job in stack.ledger.rows.values()} == {"alice"}
    # Somebody else: refused, named in body or header
    for extra, headers in (({"user": "bob"}, {}), ({}, {"X-MemoryOS-User": "bob"})):
        answer = client.post(CHAT, json={**ASK, **extra}, headers={**bearer("mos-alice"), **headers})
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")
    assert client.post(ADD, json={**NOTE, "user_id": "bob"}, headers=bearer("mos-alice")).status_code == 403


def test_another_tenants_job_is_not_there(stack: FakeStack, client: FlaskClient) -> None:
    locked(stack)
    stack.keys["mos-other"] = FakeKey("k3", "other")
    job = client.post(CHAT, json=ASK, headers={**bearer("mos-acme"), "Prefer": "respond-async"}).json["id"]
    assert client.get(f"/v1/jobs/{job}", headers=bearer("mos-acme")).status_code == 200
    for method in ("GET", "DELETE"):
        assert client.open(f"/v1/jobs/{job}", method=method, headers=bearer("mos-other")).status_code == 404
    # Nor is a job of another user for a key that is bound
    assert client.get(f"/v1/jobs/{job}", headers=bearer("mos-alice")).status_code == 404


def test_with_keys_off_only_this_machine_may_call(stack: FakeStack, client: FlaskClient) -> None:
    far = {"REMOTE_ADDR": "192.0.2.7"}
    answer = client.get("/v1/models", environ_overrides=far)
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")
    assert client.get("/health/live", environ_overrides=far).status_code == 200
    stack.settings = replace(stack.settings, auth=replace(Auth(), required="off", allow_open=True))
    assert client.get("/v1/models", environ_overrides=far).status_code == 200


def test_with_keys_off_any_key_is_accepted(client: FlaskClient) -> None:
    assert client.get("/v1/models", headers=bearer("sk-anything")).status_code == 200


def test_a_key_is_asked_for_seldom_and_outlives_the_store_for_a_while() -> None:
    now, asked, up = [1000.0], [0], [True]

    def find(secret: str) -> FakeKey | None:
        asked[0] += 1
        if not up[0]:
            raise TruthDown
        return FakeKey("k", "acme") if secret == "mos-1" else None

    ring = KeyRing(find, clock=lambda: now[0])
    assert ring.find("mos-1") == ring.find("mos-1") == FakeKey("k", "acme")
    assert asked == [1]
    now[0] += FRESH + 1
    ring.find("mos-1")
    assert asked == [2]
    # The store is away: the known key works, an unknown one is not judged
    up[0] = False
    now[0] += STALE - 1
    assert ring.find("mos-1") == FakeKey("k", "acme")
    with pytest.raises(TruthDown):
        ring.find("mos-2")
    now[0] += 2
    with pytest.raises(TruthDown):
        ring.find("mos-1")


# Degraded


def test_without_the_truth_chats_are_answered_unledgered_and_writes_refused(
    stack: FakeStack, client: FlaskClient
) -> None:
    answering(stack)
    stack.watch.state = replace(stack.watch.state, truth=False)
    answer = client.post(CHAT, json={**ASK, "user": "u"})
    assert answer.json["choices"][0]["message"]["content"] == "unledgered"
    assert answer.headers["X-MemoryOS-Status"] == "degraded:truth"
    assert not stack.ledger.rows
    written = client.post(ADD, json=NOTE)
    assert (written.status_code, written.json["error"]["code"]) == (503, "truth_unavailable")
    assert written.headers["Retry-After"]
    promised = client.post(CHAT, json=ASK, headers={"Prefer": "respond-async"})
    assert promised.status_code == 503


def test_a_truth_that_fails_in_the_call_is_noticed_there(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack)
    stack.ledger.down = stack.journal.down = True
    assert client.post(CHAT, json=ASK).json["choices"][0]["message"]["content"] == "unledgered"
    assert not stack.watch.state.truth
    assert client.post(ADD, json=NOTE).status_code == 503


def test_without_traffic_chats_are_refused_and_writes_accepted(stack: FakeStack, client: FlaskClient) -> None:
    stack.watch.state = State(True, False)
    stack.doorbell.down = stack.runs.down = True
    answer = client.post(CHAT, json=ASK)
    assert (answer.status_code, answer.json["error"]["code"]) == (503, "traffic_unavailable")
    assert (answer.headers["Retry-After"], answer.headers["X-MemoryOS-Status"]) == ("1", "degraded:traffic")
    written = client.post(ADD, json=NOTE)
    assert (written.status_code, written.json["status"]) == (202, "accepted")
    assert [event.event_id for event in stack.journal.events] == ["e"]


def test_a_bell_that_fails_in_the_call_takes_the_job_back(stack: FakeStack, client: FlaskClient) -> None:
    stack.doorbell.down = True
    answer = client.post(CHAT, json=ASK)
    assert answer.status_code == 503
    assert [job.status.value for job in stack.ledger.rows.values()] == ["cancelled"]
    assert not stack.watch.state.traffic


def test_traffic_that_dies_in_the_middle_ends_the_stream_with_an_error(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_app.chat.run.PATIENCE", 0.05)
    stack.doorbell.answer = lambda task, args, id: stack.say(id, (Saying.CHUNK, chunk("a")))
    answer = client.post(CHAT, json={**ASK, "stream": True}, buffered=False)
    pieces = iter(answer.response)
    next(pieces)
    stack.watch.state = State(True, False)
    rest = b"".join(pieces).decode()
    assert (
        ast.literal_eval(rest.split("data: ")[-1].replace("null", "None"))["error"]["code"]
        == "traffic_unavailable"
    )
    assert "[DONE]" not in rest


def test_without_any_store_only_openai_models_are_proxied(stack: FakeStack, client: FlaskClient) -> None:
    stack.watch.state = State(False, False)
    answer = client.post(CHAT, json=ASK)
    assert (answer.status_code, answer.headers["X-MemoryOS-Status"]) == (503, "degraded:proxy")
    assert answer.headers["Retry-After"]


def test_a_proxy_whose_upstream_refuses_is_a_bad_gateway(stack: FakeStack, client: FlaskClient) -> None:
    stack.watch.state = State(False, False)
    stack.settings = replace(stack.settings, llm=replace(Llm(), openai_base_url="http://127.0.0.1:9/v1"))
    answer = client.post(CHAT, json={**ASK, "model": "openai/gpt-4o"})
    assert (answer.status_code, answer.json["error"]["code"]) == (502, "upstream_error")


def test_without_a_worker_a_direct_chat_is_refused_and_an_async_one_kept(
    stack: FakeStack, client: FlaskClient
) -> None:
    stack.watch.state = State(True, True, (FakeWorker(warm=False),))
    answer = client.post(CHAT, json=ASK)
    assert (answer.status_code, answer.headers["X-MemoryOS-Status"]) == (503, "not_ready")
    assert answer.headers["Retry-After"] == "2"
    assert client.post(CHAT, json=ASK, headers={"Prefer": "respond-async"}).status_code == 202


# What is shown


@pytest.mark.parametrize(
    ("state", "status", "mode"),
    [
        (State(True, True, (FakeWorker(),)), "ready", "ready"),
        (State(True, True, (FakeWorker(vectors="down"),)), "degraded:vectors", "degraded_ready"),
        (State(False, True, (FakeWorker(),)), "degraded:truth", "degraded_ready"),
        (State(True, False), "degraded:traffic", "degraded_ready"),
        (State(False, False), "degraded:proxy", "degraded_ready"),
        (State(True, True), "not_ready", "not_ready"),
    ],
)
def test_each_state_shows(
    stack: FakeStack, client: FlaskClient, state: State, status: str, mode: str
) -> None:
    stack.watch.state = state
    answer = client.get("/health/status")
    assert (answer.headers["X-MemoryOS-Status"], answer.json["mode"]) == (status, mode)
    assert {"redis", "qdrant", "workers"} <= set(answer.json)
    assert f'memoryos_status{{status="{status}"}} 1.0' in client.get("/metrics").text


def test_ready_names_what_is_missing(stack: FakeStack, client: FlaskClient) -> None:
    assert client.get("/health/ready").status_code == 200
    stack.watch.state = State(True, True, (FakeWorker(queues=("chat", "memory")), FakeWorker(warm=False)))
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert [name.split("'")[1] for name in answer.json["missing"]] == ["maintenance", "vectors"]
    # A vector server needs no owner with a queue
    stack.settings = replace(stack.settings, vectors=replace(Vectors(), url="http://127.0.0.1:6333"))
    assert len(client.get("/health/ready").json["missing"]) == 1
    # Nor does a stack without vectors
    stack.settings = replace(stack.settings, vectors=Vectors(engine="none"))
    assert len(client.get("/health/ready").json["missing"]) == 1
    assert client.get("/health/live").status_code == 200


def test_jobs_are_shown_followed_and_cancelled(stack: FakeStack, client: FlaskClient) -> None:
    # Given a job that waits for a worker
    job = client.post(CHAT, json=ASK, headers={"Prefer": "respond-async"}).json["id"]
    shown = client.get(f"/v1/jobs/{job}").json
    assert (shown["id"], shown["job_id"], shown["kind"], shown["status"]) == (job, job, "chat", "queued")
    assert (shown["result"], shown["error"], shown["progress"], shown["attempts"]) == (None, None, 0.0, 0)
    # When it is cancelled
    assert client.delete(f"/v1/jobs/{job}").json["status"] == "cancelled"
    # Then its events end with the error from the row, since no run ever spoke
    events = client.get(f"/v1/jobs/{job}/events")
    assert events.mimetype == "text/event-stream"
    assert '"code":"cancelled"' in events.text
    assert "[DONE]" not in events.text


def test_events_go_on_after_the_last_one_seen(stack: FakeStack, client: FlaskClient) -> None:
    job = client.post(CHAT, json={**ASK, "stream": True}, headers={"Prefer": "respond-async"}).json["id"]
    stack.say(job, (Saying.CHUNK, chunk("a")), (Saying.CHUNK, chunk("b")), (Saying.DONE, {}))
    whole = client.get(f"/v1/jobs/{job}/events").text
    rest = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "1-0"}).text
    assert whole.endswith(rest)
    assert rest.startswith("id: 2-0\n")
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "x"}).status_code == 400


def test_models_are_listed(stack: FakeStack, client: FlaskClient) -> None:
    stack.watch.state = State(True, True, (FakeWorker(models=("openai/gpt-4o", "offline")),))
    listed = client.get("/v1/models").json
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["offline", "openai/gpt-4o"]
    assert client.get("/v1/models/openai/gpt-4o").json["object"] == "model"


def test_the_document_and_the_page_need_nothing_from_outside(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    for path in (CHAT, ADD, "/v1/memory/retrieve", "/v1/memory/profile", "/v1/jobs/{job_id}", "/v1/models"):
        assert path in document["paths"]
    messages = document["components"]["schemas"]["Chat"]["properties"]["messages"]
    assert messages["minItems"] == 1
    page = client.get("/docs")
    assert page.mimetype == "text/html"
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_a_strange_request_id_is_replaced(client: FlaskClient) -> None:
    assert client.get("/health/live", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert (
        client.get("/health/live", headers={"X-Request-Id": "a b\x7f"})
        .headers["X-Request-Id"]
        .startswith("req_")
    )


def test_the_log_line_has_no_content_and_no_query(
    stack: FakeStack, capsys: pytest.CaptureFixture[str]
) -> None:
    client = create_app(parts=stack.parts).test_client()
    client.get("/v1/memory/profile?user_id=secret-user", buffered=True)
    client.post(ADD, json={**NOTE, "content": "secret diary"}, buffered=True)
    logged = capsys.readouterr().out
    assert '"path": "/v1/memory/add"' in logged
    assert '"tenant": "default"' in logged
    assert "secret" not in logged


def test_the_gateway_loads_no_model_vector_or_embedding_code_and_no_task() -> None:
    # Given a new interpreter that builds the application and wires what it needs
    code = (
        "import sys, memoryos_app, memoryos_app.app, memoryos_tasks.publisher;"
        "import memoryos_tasks.adapters.redis.runs, memoryos_tasks.adapters.redis.journal;"
        "print('\\n'.join(sys.modules))"
    )
    # When its modules are listed
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    modules = set(loaded.stdout.split())
    # Then none of the worker's is among them
    foreign = (
        "qdrant_client",
        "qdrant_edge",
        "numpy",
        "wordllama",
        "memoryos_tasks.adapters.llm",
        "memoryos_tasks.adapters.vectors.",
        "memoryos_tasks.adapters.embedding.",
        "memoryos_tasks.chat",
        "memoryos_tasks.memory",
        "memoryos_tasks.bootstrap",
        "memoryos_tasks.celery_app",
    )
    assert [name for name in modules if name.startswith(foreign)] == []
