"""Two chunks as one, and never more than that."""

from __future__ import annotations

from typing import Any

import pytest

from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.merging import merged


def chunk(
    delta: Any, *, finish: str | None = None, choice: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A chunk as OpenAI sends it."""
    one = {"index": 0, "delta": delta, "finish_reason": finish, **(choice or {})}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [one], **more}


@pytest.mark.parametrize("kind", ["content", "reasoning_content"])
@pytest.mark.parametrize("first", [{}, {"role": "assistant"}])
def test_two_pieces_of_text_are_one(kind: str, first: dict[str, str]) -> None:
    one, other = chunk({**first, kind: "Hello, "}), chunk({kind: "世界"})
    whole = merged(one, other)
    assert whole == chunk({**first, kind: "Hello, 世界"})
    assert assemble([whole]) == assemble([one, other])
    # And neither was touched
    assert one == chunk({**first, kind: "Hello, "})


def test_halves_of_a_character_meet_again() -> None:
    whole = merged(chunk({"content": "\ud83d"}), chunk({"content": "\ude00"}))
    assert whole is not None
    assert whole["choices"][0]["delta"]["content"].encode("utf-16", "surrogatepass").decode("utf-16") == "😀"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"content": "a"}, {"reasoning_content": "b"}),
        ({"role": "assistant"}, {"content": "b"}),
        ({"content": "a"}, {"role": "assistant", "content": "b"}),
        ({"content": "a", "tool_calls": []}, {"content": "b"}),
        ({"content": "a"}, {"tool_calls": [{"index": 0}]}),
        ({"content": "a"}, {"content": None}),
        ({"content": None}, {"content": "b"}),
        ({"refusal": "a"}, {"refusal": "b"}),
        ({"content": "a", "annotations": []}, {"content": "b"}),
        ({"content": "a"}, {}),
        ({"content": "a"}, None),
    ],
)
def test_other_deltas_stay_two(first: Any, second: Any) -> None:
    assert merged(chunk(first), chunk(second)) is None


@pytest.mark.parametrize(
    "odd",
    [
        chunk({"content": "b"}, finish="stop"),
        chunk({"content": "b"}, choice={"logprobs": {"content": []}}),
        chunk({"content": "b"}, choice={"index": 1}),
        chunk({"content": "b"}, choice={"native_finish_reason": "x"}),
        chunk({"content": "b"}, usage={"total_tokens": 1}),
        chunk({"content": "b"}, citations=["x"]),
        {**chunk({"content": "b"}), "model": "other"},
        {**chunk({"content": "b"}), "choices": []},
        {**chunk({"content": "b"}), "choices": [*chunk({})["choices"], *chunk({})["choices"]]},
        {"number": 1},
    ],
)
def test_chunks_that_say_something_else_stay_two(odd: dict[str, Any]) -> None:
    plain = chunk({"content": "a"})
    assert merged(plain, odd) is None
    assert merged(odd, plain) is None


def test_fields_that_say_nothing_are_no_hindrance() -> None:
    one = chunk({"content": "a"}, choice={"logprobs": None}, usage=None)
    other = chunk({"content": "b"}, choice={"logprobs": None}, usage=None)
    assert merged(one, other) == chunk({"content": "ab"}, choice={"logprobs": None}, usage=None)
