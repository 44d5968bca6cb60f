"""Asking for an erasure: of a named user, by who may act for that user, as a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fakes import FakeKey, FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.watch import State
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Auth
from memoryos_tasks.ports.ledger import Status

ERASE = "/v1/memory/erase"


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


@pytest.mark.parametrize("user", ["alice", "爱丽丝"])
def test_an_erasure_is_a_job_with_a_receipt(stack: FakeStack, client: FlaskClient, user: str) -> None:
    # When an erasure is asked for
    answer = client.post(ERASE, json={"user_id": user})
    # Then it is queued and rung for
    assert answer.status_code == 202
    job_id = answer.json["job_id"]
    assert answer.json == {"id": job_id, "job_id": job_id, "status": "queued"}
    assert answer.headers["X-MemoryOS-Job"] == job_id
    assert stack.ledger.get("default", job_id).owner == Owner("default", user)
    assert stack.doorbell.rings == [("memory.erase", ("default", job_id), "memory")]
    # And the receipt stands in the job
    stack.ledger.close(job_id, Status.SUCCEEDED, result={"verified": True})
    assert client.get(f"/v1/jobs/{job_id}").json["result"] == {"verified": True}


def test_the_erasure_of_an_item_is_a_job_of_its_own(stack: FakeStack, client: FlaskClient) -> None:
    # When one item is to be erased
    answer = client.post(ERASE, json={"user_id": "爱丽丝", "item_id": "5c1b8f0e-0000-4000-8000-000000000001"})
    # Then the job says which, and no worker can take it for that of the user
    assert answer.status_code == 202
    job_id = answer.json["job_id"]
    job = stack.ledger.get("default", job_id)
    assert (job.owner.user, job.kind) == ("爱丽丝", "erase_item")
    assert job.request == {"item_id": "5c1b8f0e-0000-4000-8000-000000000001"}
    assert stack.doorbell.rings == [("memory.erase_item", ("default", job_id), "memory")]


@pytest.mark.parametrize("item", [None, "", 7, ["x"], "x" * 65])
def test_no_item_is_not_every_item(stack: FakeStack, client: FlaskClient, item: object) -> None:
    # A client's bug that sends nothing for the item must not erase the user
    answer = client.post(ERASE, json={"user_id": "alice", "item_id": item})
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == "item_id"
    assert stack.doorbell.rings == []


def test_the_user_must_be_named_in_the_body(stack: FakeStack, client: FlaskClient) -> None:
    # Nobody is erased by a header, a default, or a field that was misspelt
    for body in ({}, {"user_id": None}, {"user": "alice"}, {"user_id": ""}, {"user_id": "alice", "items": ["x"]}):
        answer = client.post(ERASE, json=body, headers={"X-MemoryOS-User": "alice"})
        assert answer.status_code == 400, body
    assert stack.doorbell.rings == []


def test_a_key_erases_its_own_user_only(stack: FakeStack, client: FlaskClient) -> None:
    # Given keys of a tenant and of one user
    stack.settings = replace(stack.settings, auth=replace(Auth(), required="on"))
    stack.keys = {"mos-acme": FakeKey("k1", "acme"), "mos-alice": FakeKey("k2", "acme", "alice")}

    def ask(key: str, user: str) -> int:
        return client.post(ERASE, json={"user_id": user}, headers={"Authorization": f"Bearer {key}"}).status_code

    # Then each erases whom it may act for, in its own tenant
    assert ask("mos-alice", "bob") == 403
    assert stack.doorbell.rings == []
    assert ask("mos-alice", "alice") == ask("mos-acme", "bob") == 202
    assert {args[0] for _, args, _ in stack.doorbell.rings} == {"acme"}


def test_without_the_store_of_record_nothing_is_begun(stack: FakeStack, client: FlaskClient) -> None:
    stack.watch.state = State(truth=False, traffic=True)
    answer = client.post(ERASE, json={"user_id": "alice"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert stack.doorbell.rings == []


def test_without_the_broker_the_sweeper_rings(stack: FakeStack, client: FlaskClient) -> None:
    stack.doorbell.down = True
    answer = client.post(ERASE, json={"user_id": "alice"})
    assert answer.status_code == 202
    assert stack.ledger.get("default", answer.json["job_id"]).status is Status.QUEUED
