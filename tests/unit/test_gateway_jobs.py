"""Following a job from somewhere, and cancelling it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeStack, chunk, completion
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_tasks.core.errors import UpstreamTimeout
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.ledger import Job, Status
from memoryos_tasks.ports.runs import Saying

ASK = {"model": "offline", "messages": [{"role": "user", "content": "hi"}]}
BEYOND = "9999999999999-0"


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    monkeypatch.setattr("memoryos_app.chat.run.TICK", 0.01)
    monkeypatch.setattr("memoryos_app.chat.run.CHECK", 0.02)
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def ended(stack: FakeStack, client: FlaskClient, *, stream: bool = True) -> str:
    """A job that has succeeded, with its stream and its row."""
    promised = client.post(
        "/v1/chat/completions", json={**ASK, "stream": stream}, headers={"Prefer": "respond-async"}
    )
    job_id = str(promised.json["id"])
    if stream:
        stack.say(job_id, (Saying.START, {}), (Saying.CHUNK, chunk("a")), (Saying.CHUNK, chunk("b")))
    stack.say(job_id, (Saying.DONE, {} if stream else completion("ab")))
    stack.ledger.close(job_id, Status.SUCCEEDED, result=completion("ab"))
    return job_id


def follow(client: FlaskClient, job_id: str, after: str | None = None) -> str:
    headers = {} if after is None else {"Last-Event-ID": after}
    return client.get(f"/v1/jobs/{job_id}/events", headers=headers).text


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("beyond", [True, False])
def test_after_the_last_event_there_is_only_the_end(
    stack: FakeStack, client: FlaskClient, stream: bool, beyond: bool
) -> None:
    # Given a job that has ended
    job_id = ended(stack, client, stream=stream)
    last = stack.runs.streams[job_id][-1].id
    # When it is resumed at its end, or beyond
    heard = follow(client, job_id, BEYOND if beyond else last)
    # Then the end comes again, as it came before, and nothing else
    assert heard == f"id: {last}\ndata: [DONE]\n\n"


def test_after_an_event_in_the_middle_the_rest_follows(stack: FakeStack, client: FlaskClient) -> None:
    job_id = ended(stack, client)
    whole, middle = follow(client, job_id), stack.runs.streams[job_id][1].id
    rest = follow(client, job_id, middle)
    assert whole.count("data: ") == 3
    assert rest.count("data: ") == 2
    assert whole.endswith(rest)


def test_a_stream_that_is_gone_is_told_from_the_row_to_who_asks_from_the_start(
    stack: FakeStack, client: FlaskClient
) -> None:
    job_id = ended(stack, client)
    del stack.runs.streams[job_id]
    first, done, rest = follow(client, job_id).split("\n\n")
    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["content"] == "ab"
    assert (done, rest) == ("data: [DONE]", "")


def test_a_stream_that_is_gone_is_not_told_twice_to_who_resumes(stack: FakeStack, client: FlaskClient) -> None:
    # Given a job whose stream has expired
    job_id = ended(stack, client)
    middle = stack.runs.streams.pop(job_id)[1].id
    # When it is resumed, then nothing of the answer comes again: where to find it is said
    heard = follow(client, job_id, middle)
    assert "the job holds the whole answer" in json.loads(heard.removeprefix("data: "))["error"]["message"]
    assert "[DONE]" not in heard


def test_a_failed_job_that_is_resumed_at_its_end_fails_again(stack: FakeStack, client: FlaskClient) -> None:
    promised = client.post(
        "/v1/chat/completions", json={**ASK, "stream": True}, headers={"Prefer": "respond-async"}
    )
    job_id, error = promised.json["id"], UpstreamTimeout().described()
    stack.say(job_id, (Saying.CHUNK, chunk("a")), (Saying.ERROR, error))
    stack.ledger.close(job_id, Status.FAILED, error=error)
    heard = follow(client, job_id, stack.runs.streams[job_id][-1].id)
    assert json.loads(heard.split("data: ")[1])["error"]["code"] == "upstream_timeout"
    assert heard.count("data: ") == 1


def test_a_running_job_that_is_cancelled_says_so(
    stack: FakeStack, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run that will hear of it later
    promised = client.post("/v1/chat/completions", json=ASK, headers={"Prefer": "respond-async"})
    job_id = promised.json["id"]
    assert stack.ledger.claim("default", job_id) is not None
    monkeypatch.setattr(stack.ledger, "cancel", stack.ledger.get)
    # When it is cancelled
    answer = client.delete(f"/v1/jobs/{job_id}").json
    # Then it still runs, was asked to stop, and the run is told
    assert (answer["status"], answer["cancel_requested"]) == ("running", True)
    assert stack.runs.cancelled == {job_id}


def test_a_job_that_has_ended_was_not_asked_to_stop(stack: FakeStack, client: FlaskClient) -> None:
    answer: Any = client.delete(f"/v1/jobs/{ended(stack, client)}").json
    assert answer["status"] == "succeeded"
    assert "cancel_requested" not in answer


def test_an_ingest_is_not_asked_to_stop(stack: FakeStack, client: FlaskClient) -> None:
    job = Job("job_i", Owner("default", "u"), "ingest")
    stack.ledger.create(replace(job, status=Status.RUNNING))
    answer: Any = client.delete("/v1/jobs/job_i").json
    assert answer["status"] == "running"
    assert "cancel_requested" not in answer
    assert stack.ledger.cancelled == []
