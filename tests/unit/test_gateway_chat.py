"""Chat through the gateway: whole, streamed, async, idempotent."""

# Stand-ins have the signatures of what they stand in for.

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeStack, chunk, completion
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.gone import ClientGone
from memoryos_tasks.core.errors import TruthDown, UpstreamTimeout
from memoryos_tasks.core.settings import Gateway, Settings
from memoryos_tasks.ports.ledger import Status
from memoryos_tasks.ports.runs import Saying

CHAT = "/v1/chat/completions"
ASK = {"model": "offline", "messages": [{"role": "user", "content": "What is my name? 我叫什么?"}]}


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack(replace(Settings(), gateway=replace(Gateway(), disconnect_grace=0.0)))
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def answering(stack: FakeStack, *sayings: tuple[Saying, Any]) -> None:
    """Let the worker say this to every chat that is rung."""

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        if task == "chat.run":
            stack.say(task_id, *sayings)

    stack.doorbell.answer = run


def test_a_chat_is_ledgered_rung_and_answered(stack: FakeStack, client: FlaskClient) -> None:
    # Given a worker that answers
    answering(stack, (Saying.DONE, completion("Alice / 爱丽丝")))
    # When a user chats, with a field that MemoryOS does not know
    headers = {"X-MemoryOS-Session": "s1", "X-Request-Id": "my-id.1"}
    answer = client.post(CHAT, json={**ASK, "user": "李雷", "reasoning": {"effort": "low"}}, headers=headers)
    # Then the completion comes back with the facts about it
    assert answer.status_code == 200
    assert answer.json["choices"][0]["message"]["content"] == "Alice / 爱丽丝"
    job_id = answer.headers["X-MemoryOS-Job"]
    assert answer.headers["X-Request-Id"] == "my-id.1"
    assert (answer.headers["X-MemoryOS-Tier"], answer.headers["X-MemoryOS-Model"]) == ("1", "offline")
    assert answer.headers["X-MemoryOS-Status"] == "ready"
    # And the row holds what the worker needs, the body untouched
    job = stack.ledger.get("default", job_id)
    assert (job.owner.user, job.kind, job.inbox, job.request_id) == ("李雷", "chat", "inbox-1", "my-id.1")
    assert job.request["body"] == {**ASK, "user": "李雷", "reasoning": {"effort": "low"}}
    assert (job.request["session"], job.request["assistant"], job.request["memory"]) == (
        "s1",
        "default",
        True,
    )
    assert stack.doorbell.rings == [("chat.run", ("default", job_id), "chat")]


def test_a_chat_without_a_user_has_no_memory_and_says_so(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.DONE, completion("x")))
    answer = client.post(CHAT, json=ASK)
    assert answer.headers["X-MemoryOS-Memory"] == "off"
    assert stack.ledger.get("default", answer.headers["X-MemoryOS-Job"]).request["memory"] is False


def test_memory_can_be_turned_off_for_one_request(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.DONE, completion("x")))
    answer = client.post(CHAT, json={**ASK, "user": "u"}, headers={"X-MemoryOS-Memory": "OFF"})
    assert stack.ledger.get("default", answer.headers["X-MemoryOS-Job"]).request["memory"] is False


def test_the_user_of_the_header_counts_when_the_body_names_none(
    stack: FakeStack, client: FlaskClient
) -> None:
    answering(stack, (Saying.DONE, completion("x")))
    # Given a header in UTF-8, as WSGI hands it over
    header = "李雷".encode().decode("latin-1")
    answer = client.post(CHAT, json=ASK, headers={"X-MemoryOS-User": header})
    assert stack.ledger.get("default", answer.headers["X-MemoryOS-Job"]).owner.user == "李雷"


def test_a_failed_run_gives_its_status(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.ERROR, UpstreamTimeout().described()))
    answer = client.post(CHAT, json=ASK)
    assert (answer.status_code, answer.json["error"]["code"]) == (504, "upstream_timeout")
    assert answer.json["error"]["type"] == "server_error"


def test_a_stream_is_relayed_as_events_with_ids(stack: FakeStack, client: FlaskClient) -> None:
    # Given a worker that streams
    pieces = [chunk("你"), chunk("好", "stop")]
    answering(
        stack,
        (Saying.START, {"tier": "1", "missing": ["vectors"]}),
        *((Saying.CHUNK, piece) for piece in pieces),
        (Saying.DONE, {}),
    )
    # When a client asks for a stream
    answer = client.post(CHAT, json={**ASK, "stream": True})
    # Then each chunk is an event with the id of its place, and [DONE] comes last
    blocks = answer.text.split("\n\n")
    assert [block.split("\n")[0] for block in blocks[:3]] == ["id: 2-0", "id: 3-0", "id: 4-0"]
    assert [json.loads(block.split("data: ")[1]) for block in blocks[:2]] == pieces
    assert blocks[2:] == ["id: 4-0\ndata: [DONE]", ""]
    assert "你" in answer.text
    # And the facts of the run are in the headers
    assert answer.mimetype == "text/event-stream"
    assert (answer.headers["X-MemoryOS-Tier"], answer.headers["X-MemoryOS-Status"]) == (
        "1",
        "degraded:vectors",
    )


def test_an_error_before_the_first_chunk_is_a_status(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.START, {}), (Saying.ERROR, UpstreamTimeout().described()))
    answer = client.post(CHAT, json={**ASK, "stream": True})
    assert (answer.status_code, answer.mimetype) == (504, "application/json")


def test_an_error_after_the_first_chunk_is_an_event_without_done(
    stack: FakeStack, client: FlaskClient
) -> None:
    answering(stack, (Saying.CHUNK, chunk("a")), (Saying.ERROR, UpstreamTimeout().described()))
    answer = client.post(CHAT, json={**ASK, "stream": True})
    assert answer.status_code == 200
    last = answer.text.strip().split("data: ")[-1]
    assert json.loads(last)["error"]["code"] == "upstream_timeout"
    assert "[DONE]" not in answer.text


def test_silence_is_filled_with_a_heartbeat_and_the_answer_still_comes(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given beats that come at every tick, and a worker that speaks when the first was heard
    monkeypatch.setattr("memoryos_app.chat.stream.FIRST_BEAT", 0.0)
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    answering(stack, (Saying.CHUNK, chunk("a")))
    answer = client.post(CHAT, json={**ASK, "stream": True}, buffered=False)
    parts = iter(answer.response)
    assert b"data: " in next(parts)
    # When nothing comes, then a comment does
    assert next(parts) == b": still here\n\n"
    stack.say(answer.headers["X-MemoryOS-Job"], (Saying.DONE, {}))
    assert b"[DONE]" in b"".join(parts)
    answer.close()


def test_an_answer_that_was_lost_on_the_way_comes_from_the_ledger(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker whose words are lost: only the row knows
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    monkeypatch.setattr("memoryos_app.chat.run.CHECK", 0.02)
    stack.doorbell.answer = lambda task, args, id: stack.ledger.close(
        id, Status.SUCCEEDED, result=completion("from the row")
    )
    # When a client waits, whole or streaming
    whole = client.post(CHAT, json=ASK)
    streamed = client.post(CHAT, json={**ASK, "stream": True})
    # Then both have the answer
    assert whole.json["choices"][0]["message"]["content"] == "from the row"
    first = json.loads(streamed.text.split("\n\n")[0].removeprefix("data: "))
    assert (first["object"], first["choices"][0]["delta"]["content"]) == (
        "chat.completion.chunk",
        "from the row",
    )
    assert streamed.text.endswith("data: [DONE]\n\n")


def test_a_run_that_never_ends_is_given_up(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    monkeypatch.setattr("memoryos_app.chat.ask.SLACK", 0.05)
    stack.settings = replace(stack.settings, jobs=replace(stack.settings.jobs, chat_deadline=0.0))
    answer = client.post(CHAT, json=ASK)
    assert (answer.status_code, answer.json["error"]["code"]) == (504, "deadline_exceeded")
    # And the run is told to stop
    assert stack.runs.cancel_seen.wait(5)


def test_a_client_that_leaves_cancels_its_run(stack: FakeStack, client: FlaskClient) -> None:
    # Given a stream that has begun
    answering(stack, (Saying.CHUNK, chunk("a")))
    answer = client.post(CHAT, json={**ASK, "stream": True}, buffered=False)
    next(iter(answer.response))
    # When the client closes its connection
    answer.close()
    # Then the run is cancelled after the grace
    assert stack.runs.cancel_seen.wait(5)
    assert stack.runs.cancelled == {answer.headers["X-MemoryOS-Job"]}


def test_a_client_that_leaves_while_waiting_cancels_its_run(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    monkeypatch.setattr("memoryos_app.views.chat.detector", lambda environ: lambda: True)
    answer = client.post(CHAT, json=ASK)
    assert answer.status_code == 499
    assert stack.runs.cancel_seen.wait(5)
    assert ClientGone.__doc__


def test_an_answered_stream_cancels_nothing(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.CHUNK, chunk("a")), (Saying.DONE, {}))
    with client.post(CHAT, json={**ASK, "stream": True}) as answer:
        assert "[DONE]" in answer.text
    stack.hangups.stop()
    assert not stack.runs.cancelled


def test_an_async_chat_is_a_promise(stack: FakeStack, client: FlaskClient) -> None:
    # When a client prefers not to wait
    answer = client.post(CHAT, json={**ASK, "stream": True}, headers={"Prefer": "respond-async, wait=5"})
    # Then it gets the job's id twice and where to ask
    job_id = answer.json["job_id"]
    assert answer.status_code == 202
    assert answer.json == {"id": job_id, "job_id": job_id, "status": "queued"}
    assert answer.headers["Location"] == f"/v1/jobs/{job_id}"
    assert answer.headers["Preference-Applied"] == "respond-async"
    # And nobody waits in an inbox
    assert stack.ledger.get("default", job_id).inbox == ""


def test_the_same_idempotency_key_is_one_job(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.DONE, completion("once")))
    headers = {"Idempotency-Key": "k1"}
    first = client.post(CHAT, json=ASK, headers=headers)
    again = client.post(CHAT, json=ASK, headers=headers)
    assert first.json == again.json
    assert first.headers["X-MemoryOS-Job"] == again.headers["X-MemoryOS-Job"]
    assert len(stack.doorbell.rings) == 1


def test_a_replayed_stream_gives_the_same_bytes(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.CHUNK, chunk("a")), (Saying.CHUNK, chunk("b", "stop")), (Saying.DONE, {}))
    headers = {"Idempotency-Key": "k2"}
    ask = {**ASK, "stream": True}
    first = client.post(CHAT, json=ask, headers=headers)
    again = client.post(CHAT, json=ask, headers=headers)
    events = client.get(f"/v1/jobs/{first.headers['X-MemoryOS-Job']}/events")
    assert first.text == again.text == events.text


def test_the_same_key_with_another_body_is_a_conflict(stack: FakeStack, client: FlaskClient) -> None:
    answering(stack, (Saying.DONE, completion("once")))
    client.post(CHAT, json=ASK, headers={"Idempotency-Key": "k3"})
    other = client.post(CHAT, json={**ASK, "temperature": 1}, headers={"Idempotency-Key": "k3"})
    assert (other.status_code, other.json["error"]["code"]) == (409, "idempotency_conflict")
    assert other.json["error"]["param"] == "Idempotency-Key"


def test_a_key_whose_run_was_cancelled_runs_again(stack: FakeStack, client: FlaskClient) -> None:
    # Given a run that was cancelled because its client had left
    promised = client.post(CHAT, json=ASK, headers={"Idempotency-Key": "k4", "Prefer": "respond-async"})
    stack.ledger.cancel("default", promised.json["id"])
    # When the client retries with the same key
    answering(stack, (Saying.DONE, completion("second")))
    answer = client.post(CHAT, json=ASK, headers={"Idempotency-Key": "k4"})
    # Then a new run answers
    assert answer.json["choices"][0]["message"]["content"] == "second"
    assert answer.headers["X-MemoryOS-Job"] != promised.json["id"]


def test_who_joins_an_async_run_and_leaves_does_not_cancel_it(stack: FakeStack, client: FlaskClient) -> None:
    # Given an async run that has begun to speak
    ask, headers = {**ASK, "stream": True}, {"Idempotency-Key": "k6"}
    job_id = client.post(CHAT, json=ask, headers={**headers, "Prefer": "respond-async"}).json["id"]
    stack.say(job_id, (Saying.CHUNK, chunk("a")))
    # When a direct request joins it and leaves
    joined = client.post(CHAT, json=ask, headers=headers, buffered=False)
    assert joined.headers["X-MemoryOS-Job"] == job_id
    joined.close()
    # Then it goes on
    stack.hangups.stop()
    assert not stack.runs.cancelled


def test_two_waiters_for_one_run_both_hear_and_one_may_leave(stack: FakeStack, client: FlaskClient) -> None:
    # Given two streams of one run
    answering(stack, (Saying.CHUNK, chunk("a")))
    ask, headers = {**ASK, "stream": True}, {"Idempotency-Key": "k5"}
    first = client.post(CHAT, json=ask, headers=headers, buffered=False)
    second = client.post(CHAT, json=ask, headers=headers, buffered=False)
    # When one leaves and the run ends
    first.close()
    stack.say(second.headers["X-MemoryOS-Job"], (Saying.CHUNK, chunk("b")), (Saying.DONE, {}))
    # Then the other has it all, and nothing was cancelled
    assert second.text.count("data: ") == 3
    second.close()
    stack.hangups.stop()
    assert not stack.runs.cancelled


def test_many_chats_at_once_each_hear_their_own(stack: FakeStack) -> None:
    # Given a worker that answers each with its own question, from other threads
    app = create_app(parts=stack.parts)

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        said = stack.ledger.get("default", task_id).request["body"]["messages"][0]["content"]
        threading.Thread(target=stack.say, args=(task_id, (Saying.DONE, completion(said)))).start()

    stack.doorbell.answer = run
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        body = {"model": "offline", "messages": [{"role": "user", "content": f"n{number}"}]}
        answers[number] = app.test_client().post(CHAT, json=body).json["choices"][0]["message"]["content"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == {number: f"n{number}" for number in range(16)}


@pytest.mark.parametrize("prefer", ["", "respond-async"])
def test_past_the_bound_a_chat_is_told_to_come_back(stack: FakeStack, client: FlaskClient, prefer: str) -> None:
    stack.ledger.full = True
    answer = client.post(CHAT, json=ASK, headers={"Prefer": prefer})
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "queue_full")
    assert int(answer.headers["Retry-After"]) >= 1
    assert (stack.ledger.rows, stack.doorbell.rings, stack.runs.streams) == ({}, [], {})


def test_an_idempotency_key_is_its_users_own(stack: FakeStack, client: FlaskClient) -> None:
    # Given a worker that answers with the user's name
    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        stack.say(task_id, (Saying.DONE, completion(stack.ledger.get("default", task_id).owner.user)))

    stack.doorbell.answer = run
    # When two users, by chance, use the same key for the same words
    headers = {"Idempotency-Key": "k1"}
    answers = [client.post(CHAT, json={**ASK, "user": user}, headers=headers) for user in ("爱丽丝", "bob", "爱丽丝")]
    # Then each has an answer of their own, and the same again
    said = [answer.json["choices"][0]["message"]["content"] for answer in answers]
    assert said == ["爱丽丝", "bob", "爱丽丝"]
    first, second, again = (answer.headers["X-MemoryOS-Job"] for answer in answers)
    assert (first == again, first == second) == (True, False)


def test_a_chat_that_the_store_of_record_did_not_confirm_keeps_its_id(stack: FakeStack, client: FlaskClient) -> None:
    # Given a store of record that writes the row and goes away before it says so
    create, ids = stack.ledger.create, []

    def lost(job: Any) -> bool:
        create(job)
        ids.append(job.id)
        raise TruthDown

    stack.ledger.create = lost  # type: ignore[method-assign]

    def run(task: str, args: tuple[str, ...], task_id: str) -> None:
        asked = stack.runs.asked(*args)
        assert asked is not None
        stack.runs.say(asked[0], task_id, Saying.DONE, completion("hello"), inbox="inbox-1")

    stack.doorbell.answer = run
    # When a client chats, then what was rung for is the row's own job: two runs of it would meet there
    answer = client.post(CHAT, json=ASK, headers={"Idempotency-Key": "k7"})
    assert answer.json["choices"][0]["message"]["content"] == "hello"
    assert [answer.headers["X-MemoryOS-Job"], stack.doorbell.rings[0][1][1]] == ids * 2
