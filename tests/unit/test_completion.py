from __future__ import annotations

from typing import Any

from fakes import chunk

from memoryos_tasks.core.completion import assemble, said


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def call(index: int, id: str | None = None, name: str | None = None, arguments: str | None = None) -> dict[str, Any]:
    return {"index": index, **({"id": id} if id else {}), "function": {"name": name, "arguments": arguments}}


def test_the_parts_of_a_text_become_one() -> None:
    whole = assemble([chunk("你"), chunk("好"), chunk(""), chunk("", finish="stop")])
    assert whole == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "你好"}, "finish_reason": "stop"}],
    }
    assert said(whole) == "你好"


def test_nothing_is_invented() -> None:
    whole = assemble([delta(content="half")])
    assert whole["choices"][0]["finish_reason"] is None
    assert "usage" not in whole
    assert "id" not in whole
    assert assemble([]) == {"object": "chat.completion", "choices": []}


def test_usage_of_a_last_chunk_without_choices_counts() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    last: list[dict[str, Any]] = [{"choices": [], "usage": usage}, {"choices": None, "usage": None}]
    whole = assemble([delta(content="x", finish="stop"), *last])
    assert whole["usage"] == usage
    assert whole["choices"][0]["finish_reason"] == "stop"


def test_choices_that_arrive_mixed_are_kept_apart() -> None:
    whole = assemble([delta(1, content="b"), delta(0, content="a"), delta(1, "length", content="B"), delta(0, "stop")])
    assert [(one["index"], one["message"]["content"], one["finish_reason"]) for one in whole["choices"]] == [
        (0, "a", "stop"), (1, "bB", "length"),
    ]
    assert said(whole) == "a"


def test_tool_calls_are_joined_by_their_index() -> None:
    whole = assemble([
        delta(role="assistant", content=None, tool_calls=[call(0, "c0", "look", "")]),
        delta(tool_calls=[call(0, arguments='{"a"'), call(1, "c1", "find", "{}")]),
        delta(tool_calls=[call(0, arguments=": 1}")]),
        delta(finish="tool_calls"),
    ])
    message = whole["choices"][0]["message"]
    assert message["tool_calls"] == [
        {"id": "c0", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}},
        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}},
    ]
    assert message["content"] is None
    assert said(whole) == ""


def test_other_fields_of_a_message_are_kept() -> None:
    whole = assemble([
        delta(reasoning_content="th"), delta(reasoning_content="ink"), delta(refusal="No."), delta(audio={"id": "a"}),
    ])
    message = whole["choices"][0]["message"]
    assert (message["reasoning_content"], message["refusal"], message["audio"]) == ("think", "No.", {"id": "a"})
    assert said(whole) == ""


def test_the_text_of_an_answer_that_has_none_is_empty() -> None:
    nothings: list[dict[str, Any]] = [
        {}, {"choices": []}, {"choices": [{"message": None}]}, {"choices": [{"message": {"content": []}}]},
    ]
    for nothing in nothings:
        assert said(nothing) == ""
