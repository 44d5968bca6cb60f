"""Chunks of OpenAI's family that no vendor should send, and some do."""

from __future__ import annotations

from typing import Any

import pytest

from memoryos_tasks.adapters.llm.chunks import Chunks

WANTED = {"include_usage": True}


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": list(choices), **more}


def said(text: str, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"index": index, "delta": {"content": text}, "finish_reason": finish}


def regular(options: object, *chunks: dict[str, Any]) -> list[dict[str, Any]]:
    made = Chunks(options)
    return [*(each for one in chunks for each in made.regular(one)), *made.rest()]


@pytest.mark.parametrize("options", [None, {}, "all", {"include_usage": False}])
def test_a_chunk_without_choices_is_not_for_who_did_not_ask(options: object) -> None:
    assert regular(options, chunk(said("a", "stop")), chunk(usage={"total_tokens": 3})) == [chunk(said("a", "stop"))]


def test_usage_that_was_asked_for_comes_once_and_last() -> None:
    # Given a vendor that says it with the end, and again in a chunk of its own
    found = regular(WANTED, chunk(said("a", "stop"), usage={"total_tokens": 3}), chunk(usage={"total_tokens": 3}))
    assert [one.get("usage") for one in found] == [None, {"total_tokens": 3}]
    assert found[-1]["choices"] == []


ENDED = chunk(said("a", "stop"))


@pytest.mark.parametrize("last", [
    {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None},
    {"index": 0, "delta": {"content": "", "reasoning": None}, "finish_reason": "stop"},
])  # fmt: skip
@pytest.mark.parametrize("options", [None, WANTED])
def test_a_choice_that_only_carries_usage_is_left_out(options: object, last: dict[str, Any]) -> None:
    usage = [chunk(usage={"total_tokens": 3})] if options else []
    assert regular(options, chunk(said("a", "stop")), chunk(dict(last), usage={"total_tokens": 3})) == [ENDED, *usage]


def test_usage_on_the_last_choice_is_not_for_who_did_not_ask() -> None:
    assert regular(None, chunk(said("a", "stop"), usage={"total_tokens": 3})) == [ENDED]
    # Though what else comes with it is
    [found] = regular(None, chunk(said("a"), said("b", index=1), usage={"total_tokens": 3}))
    assert [choice["delta"]["content"] for choice in found["choices"]] == ["a", "b"]


def test_usage_that_never_came_is_not_made_up() -> None:
    assert regular(WANTED, chunk(said("a", "stop"))) == [chunk(said("a", "stop"))]


@pytest.mark.parametrize(
    ("chunks", "finished"),
    [
        ([], False),
        ([chunk(said("a"))], False),
        ([chunk(said("a")), chunk(said("", "stop"))], True),
        ([chunk(said("a", "stop"))], True),
        ([chunk(said("a", "stop")), chunk(said("note"))], True),
        ([chunk(said("a", "stop")), chunk(said("b", index=1))], False),
        ([chunk(said("a", "stop"), said("b", "length", index=1))], True),
        ([chunk()], False),
    ],
)
def test_a_stream_is_whole_once_every_choice_that_began_has_ended(chunks: list[dict[str, Any]], finished: bool) -> None:
    made = Chunks(None)
    for one in chunks:
        list(made.regular(one))
    assert made.finished is finished


@pytest.mark.parametrize("delta", [None, [], "text"])
def test_a_choice_without_a_delta_has_an_empty_one(delta: object) -> None:
    [found] = regular(None, chunk({"index": 0, "delta": delta, "finish_reason": None}))
    assert found["choices"][0]["delta"] == {}


def test_reasoning_has_one_name() -> None:
    [found] = regular(None, chunk({"index": 0, "delta": {"reasoning": "思考"}, "finish_reason": None}))
    assert found["choices"][0]["delta"] == {"reasoning_content": "思考"}
