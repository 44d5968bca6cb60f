from __future__ import annotations

import json

import pytest

from memoryos_tasks.core.errors import UpstreamError, UpstreamRefused, UpstreamTimeout
from memoryos_tasks.core.refusal import MAX_TEXT, failure_inside, refusal, retry_after, safe_text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jan 1970 00:16:50 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:16:50 -0000", 10.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=1000.0) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "bad key topsecret", "bad key sk-proj-****abcd", "you sent 'Bearer abc.def'", "bad key sk-ant-api03-x_y-z",
        "no AIzaSyA-abcd_x_y0", "GET /v1beta/models?key=abcd&x=1", "api_key=abcd is wrong",
    ],
)
def test_credentials_never_show(text: str) -> None:
    shown = safe_text(text, "topsecret")
    assert "***" in shown
    assert not any(part in shown for part in ("topsecret", "abcd", "abc.def", "x_y", "AIza"))


def test_a_long_message_is_cut() -> None:
    assert len(safe_text("长" * 5000, "")) == MAX_TEXT


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"x"', b'{"error": 5}', b'{"detail": "x"}', b"[" * 100000])
def test_a_body_of_any_shape_gives_an_error_with_the_status(body: bytes) -> None:
    error = refusal("openai", 422, {}, body, secret="", now=0)
    assert error.status == 422
    assert error.message == "The model provider 'openai' answered 422."


@pytest.mark.parametrize("shape", [{"error": "why"}, {"error": {"message": "why"}}, {"message": "why"}])
def test_the_vendors_own_words_are_passed_on(shape: dict[str, object]) -> None:
    error = refusal("openai", 400, {}, json.dumps(shape).encode(), secret="", now=0)
    assert error.message == "The model provider 'openai' answered 400: why"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529])
def test_a_status_that_clients_know_is_kept(status: int) -> None:
    error = refusal("openai", status, {"retry-after": "7"}, b'{"error": {"message": "why"}}', secret="", now=0)
    assert (error.status, error.upstream_status, error.retry_after) == (status, status, 7.0)
    kinds = {408: UpstreamTimeout, 504: UpstreamTimeout}
    assert type(error) is kinds.get(status, UpstreamRefused if status < 500 else UpstreamError)


@pytest.mark.parametrize(("status", "kind"), [(405, UpstreamRefused), (418, UpstreamRefused), (307, UpstreamError)])
def test_a_status_about_our_own_call_is_a_bad_gateway(status: int, kind: type[UpstreamError]) -> None:
    error = refusal("openai", status, {}, b"", secret="", now=0)
    assert (type(error), error.status, error.upstream_status) == (kind, 502, status)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_not_the_clients(status: int) -> None:
    # Given a vendor that calls our key wrong in the words that OpenAI's clients know
    body = b'{"error": {"message": "Incorrect API key: topsecret", "code": "invalid_api_key", "param": "key"}}'
    error = refusal("deepseek", status, {}, body, secret="topsecret", now=0)
    # Then the client is told whose key that is, and not that its own is wrong
    assert (error.code, error.param) == ("upstream_refused", None)
    assert "this server's own credential, not yours: its operator should check llm.deepseek_api_key" in error.message
    assert "topsecret" not in error.message
    # In whole sentences
    assert "Incorrect API key" in error.message or "answered 401. It refused" in error.message
    assert (". It refused" in error.message, ".. It" in error.message) == (True, False)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "content_filter", "message": "filtered", "param": "prompt"}),
        (400, {"code": None, "message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        (400, {"code": "invalid_request_error", "message": "Content Exists Risk"}),
        (400, {"code": "invalid_prompt", "message": "Invalid prompt: your prompt was flagged as violating"}),
        (403, {"code": 403, "message": "flagged", "metadata": {"reasons": ["x"], "flagged_input": "…"}}),
    ],
)
def test_a_refused_prompt_has_one_name_for_all_vendors(status: int, error: dict[str, object]) -> None:
    found = refusal("any", status, {}, json.dumps({"error": error}).encode(), secret="", now=0)
    assert (type(found), found.status, found.code, found.type) == (
        UpstreamRefused, 400, "content_filter", "invalid_request_error",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"code": 429}, 429), ({"code": "429"}, 429), ({"status": 503}, 503), ({"code": "server_error"}, 502),
        ({}, 502), ({"code": 200}, 502), ({"code": "content_filter"}, 400), ({"code": 408}, 408), ({"code": "²"}, 502),
    ],
)  # fmt: skip
def test_an_error_inside_an_answer_has_the_status_that_it_names(said: dict[str, object], status: int) -> None:
    error = failure_inside("openrouter", {"message": "why", **said})
    assert error.status == status
    assert error.message.startswith("The model provider 'openrouter' failed while answering: why")
