"""The operators' calls: who may make them, what they show, and what they do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeKey, FakeStack
from flask.testing import FlaskClient

from memoryos_app import create_app
from memoryos_app.dead_letters import LISTS, MOST
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.dead_letters import Letter, Replayed

TEXT = "My locker code is 4711."
ADMIN = {"Authorization": "Bearer mos-admin"}
PLAIN = {"Authorization": "Bearer mos-plain"}
CALLS = [
    ("GET", "/v1/admin/dlq"),
    ("GET", "/v1/admin/dlq/memory:1-0"),
    ("POST", "/v1/admin/dlq/replay"),
    ("POST", "/v1/admin/dlq/purge"),
]


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def bury(stack: FakeStack, *ids: str, **fields: Any) -> None:
    """Letters of two tenants."""
    for place, id in enumerate(ids):
        letter = Letter(
            id, id.split(":")[0], "consolidate", "attempts_exhausted", "It failed 3 times.",
            tenant=("acme", "beta")[place % 2], subject=f"job_{place}", task="memory.consolidate",
            exception="KeyError", traceback="segments.py:12 run", attempts=3, first_seen=1.0, last_seen=2.0,
            request_id="req_1", headers={"id": f"job_{place}", "argsrepr": f"('{TEXT}',)"}, body=TEXT, **fields,
        )  # fmt: skip
        stack.dead_letters.bury(letter)


def ids(answer: Any) -> list[str]:
    return [letter["id"] for letter in answer.json["letters"]]


def outcomes(answer: Any) -> dict[str, str]:
    assert answer.status_code == 200, answer.json
    return {letter["id"]: letter["outcome"] for letter in answer.json["letters"]}


# Who may


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(("headers", "status"), [({}, 401), (PLAIN, 403), (ADMIN, 200)])
def test_with_keys_only_an_admin_key_opens(method: str, path: str, headers: dict[str, str], status: int) -> None:
    # Given a gateway that asks for keys, and a key of each sort
    stack = FakeStack(Settings(auth=options.Auth(required="on")))
    stack.keys = {
        "mos-admin": FakeKey("key_1", "acme", admin=True),
        "mos-plain": FakeKey("key_2", "acme"),
    }
    bury(stack, "memory:1-0")
    try:
        # When each calls, Then only the admin's is answered, and the refusal says how to get one
        answer = create_app(parts=stack.parts).test_client().open(
            path, method=method, headers=headers, **({"json": {"all": True}} if method == "POST" else {})
        )  # fmt: skip
        assert answer.status_code == status, answer.json
        if status == 403:
            assert answer.json["error"]["code"] == "forbidden"
            assert "memoryos keys create --admin" in answer.json["error"]["message"]
            assert "memory:1-0" in stack.dead_letters.letters
    finally:
        stack.close()


@pytest.mark.parametrize(("peer", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 403)])
def test_without_keys_only_this_machine_may(peer: str, status: int) -> None:
    # Given an open gateway that serves strangers too
    stack = FakeStack(Settings(auth=options.Auth(required="off", allow_open=True)))
    client = create_app(parts=stack.parts).test_client()
    try:
        answer = client.get("/v1/admin/dlq", environ_base={"REMOTE_ADDR": peer})
        assert answer.status_code == status
        # And the stranger may still use the rest
        assert client.get("/v1/models", environ_base={"REMOTE_ADDR": peer}).status_code == 200
    finally:
        stack.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:8080"}, 200), ({"Host": "[::1]:8080", "Origin": "http://[::1]:8080"}, 200),
        ({"Host": "localhost:8080", "Origin": "http://localhost:8080"}, 200),
        ({"Host": "127.0.0.1:8080", "Origin": "https://evil.example"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "null"}, 403), ({"Host": "127.0.0.1", "Origin": "http://[x"}, 403),
        ({"Host": "evil.example:8080", "Origin": "http://evil.example:8080"}, 403), ({"Host": "memory.example"}, 403),
    ],
)  # fmt: skip
def test_without_keys_no_page_of_another_site_and_no_proxy_may(
    stack: FakeStack, client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    # Given a browser or a proxy on this machine, and a body without a type, which browsers send unasked
    bury(stack, "memory:1-0")
    answer = client.post("/v1/admin/dlq/purge", data=b'{"all": true}', headers=headers)
    assert answer.status_code == status, answer.text
    assert ("memory:1-0" in stack.dead_letters.letters) is (status == 403)


# What they show


def test_letters_of_all_tenants_are_counted_and_listed(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, "memory:1-0", "memory:2-0", "events:3-0")
    answer = client.get("/v1/admin/dlq")
    assert answer.json["counts"] == {"events": 1, "chat": 0, "memory": 2, "maintenance": 0, "vectors": 0}
    assert ids(answer) == ["events:3-0", "memory:1-0", "memory:2-0"]
    assert {letter["tenant"] for letter in answer.json["letters"]} == {"acme", "beta"}
    assert answer.json["next_cursor"] is None


def test_a_list_shows_no_text_no_traceback_and_no_headers(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, "memory:1-0")
    letter = client.get("/v1/admin/dlq?queue=memory").json["letters"][0]
    assert set(letter) == {
        "id", "queue", "kind", "tenant", "subject", "task", "reason", "message", "exception", "attempts",
        "first_seen", "last_seen", "request_id", "replaying",
    }  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("queue", ["", "memory"])
def test_pages_hold_every_letter_once(stack: FakeStack, client: FlaskClient, limit: int, queue: str) -> None:
    # Given letters in three lists, the outer two of them at the ends
    bury(stack, "events:1-0", "events:2-0", "memory:3-0", "memory:4-0", "memory:5-0", "vectors:6-0")
    wanted = [id for id in stack.dead_letters.letters if id.startswith(queue)]
    # When the pages are read one after the other
    seen: list[str] = []
    cursor = ""
    for _ in range(len(wanted)):
        path = f"/v1/admin/dlq?limit={limit}{f'&queue={queue}' if queue else ''}{f'&cursor={cursor}' if cursor else ''}"
        answer = client.get(path)
        assert 1 <= len(ids(answer)) <= limit
        seen += ids(answer)
        cursor = answer.json["next_cursor"]
        if cursor is None:
            break
    # Then each was there once, and the last page knew that it was the last
    assert cursor is None
    assert seen == wanted


def test_one_letter_is_shown_whole_without_what_the_user_wrote(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, "memory:1-0")
    shown = client.get("/v1/admin/dlq/memory:1-0")
    assert shown.json["traceback"] == "segments.py:12 run"
    assert shown.json["headers"] == {"id": "job_0"}
    assert "body" not in shown.json
    assert TEXT not in shown.text


def test_the_text_is_shown_when_it_is_asked_for(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, "memory:1-0")
    assert client.get("/v1/admin/dlq/memory:1-0?payload=true").json["body"] == TEXT
    assert "body" not in client.get("/v1/admin/dlq/memory:1-0?payload=false").json
    assert client.get("/v1/admin/dlq/memory:1-0?payload=please").status_code == 400


@pytest.mark.parametrize(
    "id", ["memory:9-9", "replay", "memory", "x" * 300, "信", "chat:١-٢", "chat:" + "9" * 20 + "-0"]
)
def test_an_unknown_letter_is_404(client: FlaskClient, id: str) -> None:
    answer = client.get(f"/v1/admin/dlq/{id}")
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("queue=nonsense", "queue"), ("limit=0", "limit"), (f"limit={MOST + 1}", "limit"), ("limit=x", "limit"),
        ("cursor=x", "cursor"), ("cursor=nonsense:1-0", "cursor"), ("queue=chat&cursor=memory:1-0", "cursor"),
        ("cursor=memory:1-0%0A", "cursor"), ("tenant=acme", "tenant"),
    ],
)  # fmt: skip
def test_a_wrong_query_names_its_field(client: FlaskClient, query: str, param: str) -> None:
    answer = client.get(f"/v1/admin/dlq?{query}")
    assert answer.status_code == 400
    assert answer.json["error"]["param"] == param


# What they do


def test_letters_are_replayed_by_id(stack: FakeStack, client: FlaskClient) -> None:
    # Given letters of each fate
    bury(stack, "memory:1-0", "memory:2-0", "memory:3-0", "memory:4-0", "memory:5-0")
    stack.dead_letters.outcomes = {
        "memory:2-0": Replayed.SKIPPED, "memory:3-0": Replayed.BUSY, "memory:4-0": Replayed.IMPOSSIBLE,
    }  # fmt: skip
    # When some are replayed, one of them named twice and one not there
    chosen = ["memory:1-0", "memory:2-0", "memory:3-0", "memory:4-0", "memory:9-9", "memory:1-0"]
    answer = client.post("/v1/admin/dlq/replay", json={"ids": chosen})
    # Then each has its answer, once, and the others were not touched
    assert outcomes(answer) == {
        "memory:1-0": "replayed", "memory:2-0": "skipped", "memory:3-0": "busy", "memory:4-0": "impossible",
        "memory:9-9": "not_found",
    }  # fmt: skip
    assert answer.json["counts"] == {"replayed": 1, "skipped": 1, "busy": 1, "impossible": 1, "not_found": 1}
    assert not stack.dead_letters.letters["memory:5-0"].replaying
    assert TEXT not in answer.text


def test_a_list_is_replayed_piece_by_piece(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, "chat:1-0", "memory:2-0", "memory:3-0", "memory:4-0")
    first = client.post("/v1/admin/dlq/replay", json={"queue": "memory", "count": 2})
    assert outcomes(first) == {"memory:2-0": "replayed", "memory:3-0": "replayed"}
    cursor = first.json["next_cursor"]
    second = client.post("/v1/admin/dlq/replay", json={"queue": "memory", "count": 2, "cursor": cursor})
    assert outcomes(second) == {"memory:4-0": "replayed"}
    assert second.json["next_cursor"] is None
    assert not stack.dead_letters.letters["chat:1-0"].replaying


@pytest.mark.parametrize("action", ["replay", "purge"])
def test_a_dry_run_names_the_letters_and_touches_none(stack: FakeStack, client: FlaskClient, action: str) -> None:
    bury(stack, "events:1-0", "memory:2-0")
    bury(stack, "memory:3-0", replaying=True)
    before = dict(stack.dead_letters.letters)
    answer = client.post(f"/v1/admin/dlq/{action}", json={"all": True, "dry_run": True})
    assert answer.json["dry_run"] is True
    assert outcomes(answer) == {"events:1-0": "chosen", "memory:2-0": "chosen", "memory:3-0": "busy"}
    assert stack.dead_letters.letters == before


def test_everything_is_purged_but_what_is_being_replayed(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, "events:1-0", "vectors:2-0")
    bury(stack, "memory:3-0", replaying=True)
    answer = client.post("/v1/admin/dlq/purge", json={"all": True})
    assert outcomes(answer) == {"events:1-0": "purged", "memory:3-0": "busy", "vectors:2-0": "purged"}
    assert list(stack.dead_letters.letters) == ["memory:3-0"]
    # And that one goes when it is named
    assert outcomes(client.post("/v1/admin/dlq/purge", json={"ids": ["memory:3-0"]})) == {"memory:3-0": "purged"}


def test_one_call_handles_a_thousand_and_says_that_more_are_left(stack: FakeStack, client: FlaskClient) -> None:
    bury(stack, *(f"memory:{number}-0" for number in range(MOST + 5)))
    answer = client.post("/v1/admin/dlq/purge", json={"all": True})
    assert answer.json["counts"] == {"purged": MOST}
    assert answer.json["next_cursor"]
    assert len(stack.dead_letters.letters) == 5


@pytest.mark.parametrize("action", ["replay", "purge"])
@pytest.mark.parametrize("body", [{}, {"all": False}, {"count": 5}, {"dry_run": True}, {"all": None}])
def test_all_is_refused_when_it_is_not_stated(
    stack: FakeStack, client: FlaskClient, action: str, body: dict[str, Any]
) -> None:
    bury(stack, "memory:1-0")
    before = dict(stack.dead_letters.letters)
    answer = client.post(f"/v1/admin/dlq/{action}", json=body)
    assert answer.status_code == 400
    assert '"all": true' in answer.json["error"]["message"]
    assert stack.dead_letters.letters == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"ids": []}, "ids"), ({"ids": "memory:1-0"}, "ids"), ({"ids": [1]}, "ids[0]"),
        ({"ids": ["memory:1-0"] * (MOST + 1)}, "ids"), ({"ids": ["memory:1-0"], "all": True}, "all"),
        ({"queue": "memory", "all": True}, "all"), ({"queue": "nonsense"}, "queue"), ({"all": "true"}, "all"),
        ({"ids": ["memory:1-0"], "count": 3}, "count"), ({"all": True, "count": 0}, "count"),
        ({"all": True, "count": MOST + 1}, "count"), ({"all": True, "cursor": "x"}, "cursor"),
        ({"all": True, "force": True}, "force"), ({"queue": "chat", "cursor": "memory:1-0"}, "cursor"),
    ],
)  # fmt: skip
def test_a_wrong_selection_names_its_field_and_does_nothing(
    stack: FakeStack, client: FlaskClient, body: dict[str, Any], param: str
) -> None:
    bury(stack, "memory:1-0")
    for action in ("replay", "purge"):
        answer = client.post(f"/v1/admin/dlq/{action}", json=body)
        assert answer.status_code == 400, answer.json
        assert answer.json["error"]["param"] == param
    assert stack.dead_letters.letters["memory:1-0"].replaying is False


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_the_store_of_record_it_is_503(
    stack: FakeStack, client: FlaskClient, method: str, path: str
) -> None:
    stack.dead_letters.down = True
    answer = client.open(path, method=method, **({"json": {"all": True}} if method == "POST" else {}))
    assert answer.status_code == 503
    assert answer.json["error"]["code"] == "truth_unavailable"
    assert answer.headers["Retry-After"]


def test_the_calls_are_described(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    for _, path in CALLS[2:]:
        described = document["paths"][path]["post"]
        assert {"200", "400", "403"} <= set(described["responses"])
        assert described["tags"] == ["admin"]
    listed = document["paths"]["/v1/admin/dlq"]["get"]
    declared = {one["name"]: one["schema"] for one in listed["parameters"]}
    assert set(declared) == {"queue", "limit", "cursor"}
    assert declared["queue"]["enum"] == list(LISTS)
    shown = document["paths"]["/v1/admin/dlq/{letter_id}"]["get"]
    assert {one["name"] for one in shown["parameters"]} == {"payload"}
