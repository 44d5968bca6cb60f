"""Bad input gets a clear error: OpenAI's shape, the field's path, nothing done."""

# Stand-ins have the signatures of what they stand in for.

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeStack
from flask.testing import FlaskClient
from werkzeug.test import create_environ, run_wsgi_app

from memoryos_app import create_app

HELLO = [{"role": "user", "content": "你好, hello"}]
CHAT, ADD, RETRIEVE = "/v1/chat/completions", "/v1/memory/add", "/v1/memory/retrieve"


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    made = FakeStack()
    yield made
    made.close()


@pytest.fixture
def client(stack: FakeStack) -> FlaskClient:
    return create_app(parts=stack.parts).test_client()


def chat(**fields: Any) -> str:
    return json.dumps({"model": "offline", "messages": HELLO, **fields})


def add(**fields: Any) -> str:
    return json.dumps({"user_id": "u", "role": "user", "content": "c", **fields})


BAD = [
    # path, body, status, param, part of the message
    (CHAT, "{", 400, None, "not valid JSON"),
    (CHAT, "", 400, None, "empty"),
    (CHAT, b"\xff\xfe\xfa", 400, None, "not valid JSON"),
    (CHAT, "[]", 400, None, "JSON object"),
    (CHAT, '"hello"', 400, None, "JSON object"),
    (CHAT, "null", 400, None, "JSON object"),
    (CHAT, "{}", 400, "model", "required"),
    (CHAT, '{"model": "offline"}', 400, "messages", "required"),
    (CHAT, chat(messages=[]), 400, "messages", "at least one"),
    (CHAT, chat(messages="hello"), 400, "messages", "list"),
    (CHAT, chat(messages=["hello"]), 400, "messages[0]", "object"),
    (CHAT, chat(messages=[*HELLO, {"role": "boss", "content": "x"}]), 400, "messages[1].role", "known role"),
    (CHAT, chat(messages=[{"content": "x"}]), 400, "messages[0].role", "required"),
    (CHAT, chat(messages=[{"role": "user"}]), 400, "messages[0].content", "required"),
    (CHAT, chat(messages=[{"role": "user", "content": 7}]), 400, "messages[0].content", "string"),
    (
        CHAT,
        chat(messages=[{"role": "user", "content": [{"type": "text"}]}]),
        400,
        "messages[0].content[0].text",
        "str",
    ),
    (CHAT, chat(model=7), 400, "model", "string"),
    (CHAT, chat(model=""), 400, "model", "characters"),
    (CHAT, chat(stream="yes"), 400, "stream", "true or false"),
    (CHAT, chat(stream=1), 400, "stream", "true or false"),
    (CHAT, chat(temperature="hot"), 400, "temperature", "number"),
    (CHAT, chat(temperature=float("nan")), 400, "temperature", "finite"),
    (CHAT, chat(top_p=float("-inf")), 400, "top_p", "finite"),
    (CHAT, chat(extra={"deep": [1, float("inf")]}), 400, "extra.deep[1]", "finite"),
    (CHAT, '{"model": "offline", "messages": [], "seed": 1e999}', 400, "seed", "finite"),
    (CHAT, chat(max_tokens=0), 400, "max_tokens", "at least 1"),
    (CHAT, chat(max_tokens=1.5), 400, "max_tokens", "whole"),
    (CHAT, chat(user=7), 400, "user", "string"),
    (CHAT, chat(user=""), 400, "user", "empty"),
    (CHAT, chat(user="a\u0000b"), 400, "user", "control"),
    (CHAT, chat(user="a\nb"), 400, "user", "control"),
    (CHAT, chat(user="李" * 257), 400, "user", "256"),
    (CHAT, chat(user="\ud800"), 400, "user", "surrogate"),
    (CHAT, chat(model="no-such-model"), 404, "model", "not found"),
    (CHAT, chat(model="openai/gpt-4o"), 404, "model", "not available"),
    (CHAT, "[" * 100_000, 400, None, "nested"),
    (CHAT, '{"model": "offline", "seed": ' + "9" * 5000 + "}", 400, None, "too long"),
    (ADD, "{}", 400, "role", "required"),
    (ADD, "[1]", 400, None, "object"),
    (ADD, add(user_id="\u0007"), 400, "user_id", "control"),
    (ADD, add(user_id=7), 400, "user_id", "string"),
    (ADD, json.dumps({"role": "user", "content": "c"}), 400, "user_id", "required"),
    (ADD, add(role="boss"), 400, "role", "known role"),
    (ADD, add(content=" "), 400, "content", "text"),
    (ADD, add(content={"a": 1}), 400, "content", "string"),
    (ADD, add(content=[{"type": "text", "text": 7}]), 400, "content[0].text", "string"),
    (ADD, add(timestamp="yesterday"), 400, "timestamp", "ISO 8601"),
    (ADD, add(timestamp=True), 400, "timestamp", "ISO 8601"),
    (ADD, add(timestamp=1.7e15), 400, "timestamp", "milliseconds"),
    (ADD, add(timestamp=float("nan")), 400, "timestamp", "finite"),
    (ADD, add(metadata=[1]), 400, "metadata", "object"),
    (ADD, add(event_id="e" * 257), 400, "event_id", "256"),
    (ADD, add(event_id="a\u0085b"), 400, "event_id", "control"),
    (ADD, add(session_id=""), 400, "session_id", "empty"),
    (ADD, add(assistant_id=3), 400, "assistant_id", "string"),
    (ADD, add(colour="red"), 400, "colour", "not a field"),
    (ADD, add(messages=[{"role": "user", "content": "x"}]), 400, "role", "inside each"),
    (ADD, json.dumps({"user_id": "u", "messages": []}), 400, "messages", "1 to 1000"),
    (
        ADD,
        json.dumps({"user_id": "u", "messages": [{"role": "user", "content": "x"}] * 1001}),
        400,
        "messages",
        "1001",
    ),
    (
        ADD,
        json.dumps({"user_id": "u", "messages": [{"role": "user", "content": ""}]}),
        400,
        "messages[0].content",
        "text",
    ),
    (
        ADD,
        json.dumps({"user_id": "u", "messages": [{"role": "user", "content": "x", "mood": 1}]}),
        400,
        "messages[0].mood",
        "not a field",
    ),
    (RETRIEVE, json.dumps({"user_id": "u"}), 400, "query", "required"),
    (RETRIEVE, json.dumps({"user_id": "u", "query": "q", "limit": "ten"}), 400, "limit", "whole"),
    (RETRIEVE, json.dumps({"user_id": "u", "query": "q", "limit": 0}), 400, "limit", "1 to 100"),
    (RETRIEVE, json.dumps({"user_id": "u", "query": "q", "tiers": ["attic"]}), 400, "tiers[0]", "not a tier"),
    (RETRIEVE, json.dumps({"user_id": "u", "query": "q", "as_of": "soon"}), 400, "as_of", "ISO 8601"),
    (RETRIEVE, json.dumps({"user_id": "u", "query": "  "}), 400, "query", "text"),
]


@pytest.mark.parametrize(("path", "body", "status", "param", "says"), BAD)
def test_bad_input_names_the_field(
    stack: FakeStack, client: FlaskClient, path: str, body: Any, status: int, param: str | None, says: str
) -> None:
    # When something that is not valid is posted
    answer = client.post(path, data=body, content_type="application/json")
    # Then the error has OpenAI's shape and names the field
    assert answer.status_code == status, answer.text
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert says in error["message"]
    assert isinstance(error["code"], str)
    # And nothing was queued or written
    assert not stack.doorbell.rings
    assert not stack.journal.events


def test_an_unknown_model_has_openais_code(client: FlaskClient) -> None:
    answer = client.post(CHAT, data=chat(model="gpt-unheard-of"), content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nowhere", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/memory/add", 405, "method_not_allowed"),
        ("GET", "/v1/jobs/job_none", 404, "not_found"),
        ("GET", "/v1/jobs/job_none/events", 404, "not_found"),
        ("GET", "/v1/models/gpt-x", 404, "model_not_found"),
        ("GET", "/v1/memory/retrieve?user_id=u&query=q&limit=many", 400, "invalid_request"),
        ("GET", "/v1/memory/retrieve?user_id=u&query=q&colour=red", 400, "invalid_request"),
        ("GET", "/v1/memory/profile", 400, "invalid_request"),
    ],
)
def test_wrong_addresses_answer_in_the_same_shape(
    client: FlaskClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json["error"]["code"]) == (status, code)


def test_a_form_is_told_to_be_json(client: FlaskClient) -> None:
    answer = client.post(ADD, data=add(), content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(("path", "limit"), [(CHAT, 20 * 2**20), (ADD, 2**20)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_read_away_and_refused(
    stack: FakeStack, path: str, limit: int, chunked: bool
) -> None:
    # Given a body one byte over the limit, of declared or undeclared length
    body = io.BytesIO(b"x" * (limit + 1))
    environ = create_environ(path, method="POST", content_type="application/json")
    environ |= {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": str(limit + 1)}
    if chunked:
        del environ["CONTENT_LENGTH"]
    # When it is posted
    said, status, _ = run_wsgi_app(create_app(parts=stack.parts), environ, buffered=True)
    # Then it is refused, and was read to its end
    error = json.loads(b"".join(said))["error"]
    assert (status[:3], error["code"]) == ("413", "body_too_large")
    assert f"{limit // 2**20} MiB" in error["message"]
    assert body.tell() == limit + 1


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-MemoryOS-User", "a\x07b"),
        ("X-MemoryOS-Session", "s" * 257),
        ("X-MemoryOS-Assistant", "   "),
        ("X-MemoryOS-Memory", "maybe"),
        ("Idempotency-Key", "k" * 257),
    ],
)
def test_bad_headers_are_named(client: FlaskClient, header: str, value: str) -> None:
    answer = client.post(CHAT, data=chat(), content_type="application/json", headers={header: value})
    if value.strip():
        assert (answer.status_code, answer.json["error"]["param"]) == (400, header)
    else:
        assert answer.status_code != 500


def test_no_traceback_and_no_content_reach_client_or_log(
    stack: FakeStack, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a fault that quotes what the user wrote
    def explode(*args: Any) -> None:
        raise ValueError("secret diary entry")

    stack.doorbell.answer = explode
    # When a chat meets it
    answer = (
        create_app(parts=stack.parts).test_client().post(CHAT, data=chat(), content_type="application/json")
    )
    # Then the client gets the request id alone
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.json["error"]["message"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    # And the log has the type and the place, not the text
    logged = capsys.readouterr().out
    assert "ValueError" in logged
    assert "secret" not in logged


@pytest.mark.parametrize("key", ["", "   ", "a\tb", "a\x07b", "a\x85b"])
@pytest.mark.parametrize("extra", [{}, {"Prefer": "respond-async"}])
def test_a_key_that_cannot_be_kept_is_refused(
    stack: FakeStack, client: FlaskClient, key: str, extra: dict[str, str]
) -> None:
    # When a chat comes with an empty key or one with control characters
    headers = {"Idempotency-Key": key, **extra}
    answer = client.post(CHAT, data=chat(), content_type="application/json", headers=headers)
    # Then the header is named and nothing was queued
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "Idempotency-Key")
    assert answer.json["error"]["message"].startswith("Idempotency-Key: must not")
    assert stack.doorbell.rings == []
