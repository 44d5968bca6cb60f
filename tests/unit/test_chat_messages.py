"""What a chat request says."""

from __future__ import annotations

from typing import Any

from memoryos_tasks.core.chat import new_messages, question, text_of


def message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_only_what_follows_the_last_reply_is_new() -> None:
    messages = [
        message("system", "be kind"), message("user", "one"), message("assistant", "two"),
        message("system", "psst"), message("user", "three"), message("tool", "four"), message("user", "five"),
    ]  # fmt: skip
    assert [m["content"] for m in new_messages(messages)] == ["three", "four", "five"]


def test_a_first_request_is_all_new_but_for_the_system_prompt() -> None:
    assert new_messages([message("developer", "x"), message("user", "hi")]) == [message("user", "hi")]


def test_a_prefilled_reply_does_not_hide_the_question() -> None:
    messages = [message("user", "a"), message("assistant", "b"), message("user", "c"), message("assistant", "Sure,")]
    assert new_messages(messages) == [message("user", "c")]


def test_nothing_is_new_in_nothing() -> None:
    assert new_messages([]) == []
    assert new_messages([message("assistant", "hello")]) == []


def test_content_may_be_text_parts_or_nothing() -> None:
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "here"},
    ]
    assert text_of(parts) == "look\nhere"
    assert text_of("plain") == "plain"
    assert text_of(None) == ""
    assert text_of(5) == ""
    assert text_of([{"type": "text", "text": None}]) == ""


def test_the_question_is_the_last_user_message() -> None:
    assert (
        question([message("user", "a"), message("user", [{"type": "text", "text": "b"}]), message("tool", "c")]) == "b"
    )
    assert question([message("system", "x")]) == ""
