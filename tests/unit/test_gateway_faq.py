"""The operators' calls about FAQs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeKey, FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_heat import Stats
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.faq import EXPORT_USER, Sample, Unit
from memoryos_tasks.ports.ledger import Status

ID = "faq_" + "0" * 24
CALLS = [
    ("GET", "/v1/admin/faq", None),
    ("GET", "/v1/admin/faq/stats", None),
    ("GET", "/v1/admin/faq/history", None),
    ("GET", f"/v1/admin/faq/{ID}", None),
    ("GET", "/v1/admin/faq/exports/job_1", None),
    ("POST", "/v1/admin/faq/promote", {"question": "Where is the desk?", "answer": "On floor 3."}),
    ("POST", "/v1/admin/faq/demote", {"id": ID}),
    ("POST", "/v1/admin/faq/export", {"to": "markdown"}),
]


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def candidate(stack: FakeStack, tenant: str = "default", best: int = 1) -> None:
    samples = tuple(Sample(place, "alice", "怎么重置密码？", f"答案 {place}") for place in (0, 1))
    stack.faqs.units[tenant, ID] = Unit(ID, {}, 1, samples)
    stack.faqs.looked(tenant, ID, Stats(12, 61.234, 3, 2, 1.0, 0.95, best), candidate=True, again=1.0)


def write(client: FlaskClient, question: str = "Where is the desk?", answer: str = "On floor 3.", **named: Any) -> Any:
    return client.post("/v1/admin/faq/promote", json={"question": question, "answer": answer, **named})


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
@pytest.mark.parametrize(("key", "refused"), [("", 401), ("mos-plain", 403), ("mos-admin", None)])
def test_with_keys_only_an_admin_key_opens(
    method: str, path: str, body: dict[str, str] | None, key: str, refused: int | None
) -> None:
    stack = FakeStack(Settings(auth=options.Auth(required="on")))
    stack.keys = {"mos-admin": FakeKey("k1", "acme", admin=True), "mos-plain": FakeKey("k2", "acme")}
    try:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        answer = create_app(parts=stack.parts).test_client().open(path, method=method, headers=headers, json=body)
        if refused:
            assert answer.status_code == refused
            assert not stack.faqs.live
        else:
            assert answer.status_code in (200, 202, 404), answer.json
    finally:
        stack.close()


@pytest.mark.parametrize(("method", "path", "body"), CALLS[:4] + CALLS[5:7])
def test_without_the_store_of_record_it_is_503(
    stack: FakeStack, client: FlaskClient, method: str, path: str, body: dict[str, str] | None
) -> None:
    stack.faqs.down = True
    answer = client.open(path, method=method, json=body)
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "truth_unavailable"


def test_a_hand_written_faq_is_listed_shown_and_taken_off(client: FlaskClient, stack: FakeStack) -> None:
    # When one is written
    made = write(client, "  怎么重置密码？ ", "点击“重置”。")
    assert made.status_code == 200
    id = made.json["id"]
    assert (made.json["question"], made.json["answer"]) == ("怎么重置密码？", "点击“重置”。")
    assert made.json["written"] is True
    # Then it is listed and shown, and counted
    assert [row["id"] for row in client.get("/v1/admin/faq").json["faqs"]] == [id]
    assert client.get(f"/v1/admin/faq/{id}").json == made.json
    assert client.get("/v1/admin/faq/stats").json["live"] == 1
    # And when it is taken off it is gone for good
    assert client.post("/v1/admin/faq/demote", json={"id": id}).status_code == 204
    assert client.post("/v1/admin/faq/demote", json={"id": id}).status_code == 404
    assert client.get(f"/v1/admin/faq/{id}").status_code == 404
    assert ("default", id) in stack.faqs.held
    steps = client.get(f"/v1/admin/faq/history?id={id}").json["history"]
    assert [(step["action"], step["by"]) for step in steps] == [("demoted", "admin"), ("written", "admin")]


def test_a_candidate_is_promoted_with_its_best_answer(client: FlaskClient, stack: FakeStack) -> None:
    candidate(stack)
    [row] = client.get("/v1/admin/faq?state=candidate").json["faqs"]
    assert (row["state"], row["asks"], row["heat"], row["users"]) == ("candidate", 12, 61.23, 3)
    assert (row["similarity"], row["wording_similarity"], row["answer_similarity"]) == (0.95, 1.0, 0.95)
    assert (row["answer"], row["promoted_at"]) == ("答案 1", None)
    # When it is promoted, twice
    for _ in range(2):
        answer = client.post("/v1/admin/faq/promote", json={"id": ID})
        assert (answer.json["state"], answer.json["answer"], answer.json["written"]) == ("live", "答案 1", False)
    assert client.get("/v1/admin/faq?state=candidate").json["faqs"] == []


def test_a_candidate_whose_answers_are_gone_is_404(client: FlaskClient, stack: FakeStack) -> None:
    candidate(stack, best=7)
    assert client.post("/v1/admin/faq/promote", json={"id": ID}).status_code == 404
    assert client.get("/v1/admin/faq?state=candidate").json["faqs"][0]["question"] is None


def test_another_tenant_is_named_and_its_own_is_the_default(client: FlaskClient, stack: FakeStack) -> None:
    write(client, tenant="acme")
    assert client.get("/v1/admin/faq").json["total"] == 0
    assert client.get("/v1/admin/faq?tenant=acme").json["total"] == 1
    assert client.get("/v1/admin/faq/stats?tenant=acme").json["tenant"] == "acme"
    assert client.get("/v1/admin/faq/history?tenant=beta").json["history"] == []


def test_pages_hold_every_faq_once(client: FlaskClient) -> None:
    made = {write(client, f"Where is desk {place}?").json["id"] for place in range(5)}
    seen: list[str] = []
    cursor: int | None = 0
    for _ in range(3):
        page = client.get(f"/v1/admin/faq?limit=2&cursor={cursor}").json
        seen += [row["id"] for row in page["faqs"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "question"), ({"question": "Where is the desk?"}, "answer"), ({"answer": "x"}, "question"),
        ({"question": " ", "answer": "x"}, "question"), ({"question": "How does it work?", "answer": "x"}, "question"),
        ({"question": "它怎么用？", "answer": "x"}, "question"), ({"question": "x" * 301, "answer": "x"}, "question"),
        ({"question": "Where is the desk?", "answer": "x" * 8_001}, "answer"), ({"id": "x"}, "id"),
        ({"id": ID, "answer": "x"}, "answer"), ({"id": ID, "tenant": "a:b"}, "tenant"), ({"id": ID, "by": "me"}, "by"),
    ],
)  # fmt: skip
def test_a_wrong_promotion_names_its_field(
    client: FlaskClient, stack: FakeStack, body: dict[str, str], param: str
) -> None:
    candidate(stack)
    answer = client.post("/v1/admin/faq/promote", json=body)
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == param
    assert not stack.faqs.live


@pytest.mark.parametrize(
    ("query", "param"),
    [("state=cold", "state"), ("limit=0", "limit"), ("limit=1001", "limit"), ("cursor=-1", "cursor"),
     ("tenant=A", "tenant"), ("user=x", "user")],
)  # fmt: skip
def test_a_wrong_query_names_its_field(client: FlaskClient, query: str, param: str) -> None:
    answer = client.get(f"/v1/admin/faq?{query}")
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == param


@pytest.mark.parametrize("to", ["markdown", "s3", "confluence"])
def test_an_export_is_a_job_of_the_tenant(client: FlaskClient, stack: FakeStack, to: str) -> None:
    answer = client.post("/v1/admin/faq/export", json={"to": to, "tenant": "acme"})
    assert answer.status_code == 202
    job_id = answer.json["job_id"]
    job = stack.ledger.get("acme", job_id)
    assert (job.owner, job.kind, dict(job.request)) == (Owner("acme", EXPORT_USER), "faq_export",
                                                        {"tenant": "acme", "to": to})  # fmt: skip
    assert stack.doorbell.rings == [("memory.faq_export", ("acme", job_id), "memory")]
    # And an operator of another tenant reads its result
    stack.ledger.close(job_id, Status.SUCCEEDED, result={"count": 3})
    found = client.get(f"/v1/admin/faq/exports/{job_id}?tenant=acme").json
    assert (found["status"], found["result"]) == ("succeeded", {"count": 3})
    assert client.get(f"/v1/admin/faq/exports/{job_id}").status_code == 404


def test_another_place_is_refused(client: FlaskClient, stack: FakeStack) -> None:
    answer = client.post("/v1/admin/faq/export", json={"to": "ftp"})
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == "to"
    assert stack.doorbell.rings == []


def test_no_answer_shows_a_credential(client: FlaskClient, stack: FakeStack) -> None:
    stack.settings = Settings(faq=options.Faq(s3_secret_key="sekrit-1", confluence_token="sekrit-2"))
    for method, path, body in CALLS:
        assert "sekrit" not in client.open(path, method=method, json=body).text
    assert "sekrit" not in repr(stack.settings)


def test_the_calls_are_described(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").json["paths"]
    assert "/v1/admin/faq/{faq_id}" in paths
    for method, path, _ in CALLS:
        if ID not in path and "job_1" not in path:
            assert "403" in paths[path][method.lower()]["responses"]
