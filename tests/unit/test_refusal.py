from __future__ import annotations

import json

import pytest

from memoryos_tasks.adapters.llm.refusal import MAX_TEXT, refusal, retry_after, safe_text


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
    ["bad key topsecret", "bad key sk-proj-****abcd", "you sent 'Bearer abc.def'", "bad key sk-ant-api03-x_y-z"],
)
def test_credentials_never_show(text: str) -> None:
    shown = safe_text(text, "topsecret")
    assert "***" in shown
    assert not any(part in shown for part in ("topsecret", "abcd", "abc.def", "x_y"))


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
