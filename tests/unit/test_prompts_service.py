"""What a model is sent when there is much to say and little room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memoryos_tasks.core.chat import Message
from memoryos_tasks.core.cutting import without_oldest
from memoryos_tasks.core.items import Fact, Kind, Recalled, Tier
from memoryos_tasks.core.prompt_size import AN_IMAGE, AROUND_A_MESSAGE, at_most, prompt_tokens
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.settings_context import Context as ContextSettings
from memoryos_tasks.core.tokens import Count, estimate
from memoryos_tasks.ports.tokenizers import Estimates
from memoryos_tasks.services.context import Context
from memoryos_tasks.services.prompts import Made, Policy, Prompts, policy_of


def memories(number: int = 20) -> Context:
    facts = [Fact(Kind.TRAIT, "user", f"f{at}", "x", f"fact {at} about the user", ("e",), 0.0, id=f"f{at}")
             for at in range(number)]  # fmt: skip
    recalled = [Recalled(f"r{at}", Kind.TURN, Tier.MID, f"第{at}句话，说的是一些事情", 1.0, (f"e{at}",), 0.0)
                for at in range(number)]  # fmt: skip
    return Context(facts, recalled)


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def made(messages: list[Message], limit: int | None = None, *, cut: bool = False, **body: Any) -> Made:
    """The prompt for a model with this window."""
    windows = {"m": limit} if limit is not None else {}
    prompts = Prompts(Estimates(), lambda: Policy(500, windows, cut))
    return prompts.made({"messages": messages, **body}, "openai", "m", memories())


LONG = "word " * 800  # 1,000 tokens
CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TALK: list[Message] = [
    message("system", "Be kind."),
    message("user", "first " + LONG), message("assistant", "one"),
    message("user", "second " + LONG),
    message("assistant", None, tool_calls=[CALL]),
    message("tool", "result " + LONG, tool_call_id="a"), message("assistant", "two"),
    message("user", "last " + LONG),
]  # fmt: skip


def texts(prompt: Made) -> list[str]:
    return [str(each["content"]).split(" ", 1)[0] for each in prompt.messages]


@pytest.mark.parametrize("limit", [None, 0, 100_000])
def test_with_room_enough_all_is_there(limit: int | None) -> None:
    prompt = made(TALK, limit)
    assert prompt.truncated == ""
    assert prompt.messages[1:] == TALK[1:]
    block = prompt.messages[0]["content"]
    assert block.startswith("Be kind.\n\n<memories>")
    assert 250 < estimate(block) <= 500 + 3


def test_memories_go_first_and_only_as_many_as_must() -> None:
    # Given a window with room for some of the memories
    size = prompt_tokens(TALK, None, estimate)
    prompt = made(TALK, size + 300 + 50, max_tokens=50)
    # Then some are left, it is said, and the caller's messages stand
    block = prompt.messages[0]["content"].removeprefix("Be kind.\n\n")
    assert 100 < estimate(block) <= 300
    assert prompt.truncated == "memories"
    assert prompt.messages[1:] == TALK[1:]


def test_the_callers_messages_pass_even_when_they_cannot_fit() -> None:
    # Given a window that the caller's own messages exceed
    prompt = made(TALK, 2_000)
    # Then no memories are added, and the vendor judges the rest
    assert prompt == Made([dict(each) for each in TALK], "memories")


def test_the_oldest_exchanges_go_only_when_the_operator_says_so() -> None:
    # Given the same, and an operator who would rather have an answer
    prompt = made(TALK, 4_400, cut=True)
    # Then the oldest exchange is gone and counted, the system prompt stays
    assert texts(prompt) == ["Be", "second", "None", "result", "two", "last"]
    assert prompt.truncated == "memories,messages=2"
    # And a call goes with its result
    assert texts(made(TALK, 3_000, cut=True)) == ["Be", "last"]
    # And what was asked last always stays
    assert texts(made(TALK, 10, cut=True)) == ["Be", "last"]
    assert made(TALK, 10, cut=True).truncated == "memories,messages=6"


def test_an_answers_length_takes_its_room() -> None:
    size = prompt_tokens(TALK, None, estimate)
    assert made(TALK, size + 2_000).truncated == ""
    assert made(TALK, size + 2_000, max_completion_tokens=1_900).truncated == "memories"


def test_a_conversation_without_memories_is_not_called_truncated() -> None:
    prompts = Prompts(Estimates(), lambda: Policy(500, {"m": 10}))
    assert prompts.made({"messages": TALK}, "openai", "m", Context()).truncated == ""


def test_cutting_stops_as_soon_as_enough_is_saved() -> None:
    assert without_oldest(TALK, 0, estimate) == list(TALK)
    assert without_oldest(TALK, 1, estimate) == [TALK[0], *TALK[3:]]


@pytest.mark.parametrize("count", [estimate, lambda text: len(text.encode())])
def test_a_prompts_size_has_an_upper_bound_that_costs_nothing(count: Count) -> None:
    # Given a conversation in two scripts, with an image, a tool call and tools
    parts = [{"type": "text", "text": "这是什么？🎉"}, {"type": "image_url", "image_url": {"url": "data:…"}}, "odd"]
    messages = [*TALK, message("user", parts)]
    tools = [{"type": "function", "function": {"name": "f", "description": "说明"}}]
    # Then the bound holds, and all of it counts
    assert prompt_tokens(messages, tools, count) <= at_most(messages, tools)
    around = AROUND_A_MESSAGE + AN_IMAGE
    assert prompt_tokens(messages, tools, count) > prompt_tokens(TALK, None, count) + around + 10


def test_the_policy_is_that_of_the_settings() -> None:
    settings = replace(Settings(), context=ContextSettings(windows="gpt-4=9", cut_messages=True))
    assert policy_of(settings) == Policy(1500, {"gpt-4": 9}, True)
