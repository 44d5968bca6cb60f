"""Which requests an FAQ may answer, and which questions may become one."""

from __future__ import annotations

from typing import Any

import pytest

from memoryos_tasks.core.completion import assemble
from memoryos_tasks.core.faq_answer import FaqAnswer, chunks, completion
from memoryos_tasks.core.faq_ask import answer_text, question, stands_alone

ASKED = "How do I reset the password?"


def body(text: Any = ASKED, *before: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "messages": [*before, {"role": "user", "content": text}], **fields}


def said(text: Any = "So.", reason: Any = "stop", **message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text, **message},
                         "finish_reason": reason}]}


@pytest.mark.parametrize(
    "asked",
    [
        body(), body([{"type": "text", "text": ASKED}]), body(ASKED, {"role": "system", "content": "Be brief."}),
        body(ASKED, {"role": "developer", "content": "Be brief."}), body(stream=True, temperature=0, n=1, tools=[]),
        body(tools=None, response_format={"type": "text"}, max_tokens=50, user="alice", stop=None),
    ],
)  # fmt: skip
def test_a_question_that_stands_alone_is_one(asked: dict[str, Any]) -> None:
    found = question(asked)
    assert found is not None
    assert found.text == ASKED
    assert found.common


@pytest.mark.parametrize(
    "asked",
    [
        body(ASKED, {"role": "user", "content": "Hi"}), body(ASKED, {"role": "assistant", "content": "Hello!"}),
        body(ASKED, {"role": "tool", "content": "4", "tool_call_id": "x"}), body(tools=[{"type": "function"}]),
        body(response_format={"type": "json_object"}), body(n=2), body(logprobs=True), body(stop=["\n"]),
        body(modalities=["text", "audio"]), body(audio={}), body(some_vendors_field=1), body(logit_bias={"1": 5}),
        body([{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {"url": "x"}}]), body(None),
        body(""), body([]), {"model": "m", "messages": []}, {"model": "m"}, {"messages": "x"}, {"messages": [3]},
        {"messages": [{"role": "user", "content": ASKED, "name": "Bob"}]},
        body(ASKED, {"role": "system", "content": 3}),
        {"messages": [{"role": "assistant", "content": ASKED}]}, body(ASKED + "\n" + ASKED), body("a " * 200),
    ],
)  # fmt: skip
def test_requests_that_want_more_than_a_text_are_none(asked: dict[str, Any]) -> None:
    assert question(asked) is None


@pytest.mark.parametrize(
    "text",
    [
        "How does it work?", "What about refunds?", "And for teams?", "Why?", "Tell me more about that", "yes please",
        "What did he say?", "Is this plan good?", "continue", "How do they differ?", "What else is in it?",
        "它怎么用？", "这个多少钱？", "那上海呢？", "继续", "为什么？", "还有别的吗？", "好的，谢谢",
        "上面第二点什么意思？",
        "再说一遍", "ok", "thanks", "其他套餐呢？", "怎么办？",
    ],
)  # fmt: skip
def test_what_refers_to_something_else_does_not_stand_alone(text: str) -> None:
    assert not stands_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "Is there a free plan?", "How long does it take to ship to Spain?", "Is it possible to pay in euros?",
        "What is IT support?", "refund policy", "退款政策是什么", "因此的近义词有哪些", "What is a capital?",
        "怎么开启双重验证？",
    ],
)  # fmt: skip
def test_what_only_looks_so_stands_alone(text: str) -> None:
    assert stands_alone(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is my name?", "Where did I park the car?", "What does our contract say?", "How do I tell my wife?",
        "I have a fever, what helps?", "Who is bob@example.com?", "Where is order 4711081542?",
        "What's the weather in Rome?", "What time is it in Rome?", "Who won the match yesterday?", "What day is today?",
        "What is the latest version of Django?", "我的名字是什么？", "我昨天去了哪里？", "帮我写一封请假信",
        "今天天气怎么样？", "现在几点了？", "最新版本是多少？", "我怎么告诉我妈妈？", "订单 20240301778 到哪了？",
        "Is us included in our plan?", "What do you know about ME?",
    ],
)  # fmt: skip
def test_what_is_personal_or_passes_is_not_common(text: str) -> None:
    found = question(body(text))
    assert found is None or not found.common


@pytest.mark.parametrize(
    "text",
    ["How do I reset the password?", "How can I pay?", "Can I cancel the plan?", "Where can I download the app?",
     "我怎么重置密码？", "我可以退款吗？", "我该如何开发票？", "Does the US plan cost more?"],
)  # fmt: skip
def test_i_is_anybody_where_everybody_asks_so(text: str) -> None:
    found = question(body(text))
    assert found is not None
    assert found.common


def test_a_system_prompt_is_part_of_the_question() -> None:
    plain, brief = question(body()), question(body(ASKED, {"role": "system", "content": "You sell shoes."}))
    assert plain is not None
    assert brief is not None
    assert plain.scope == ""
    assert brief.scope == "You sell shoes."


@pytest.mark.parametrize(
    "completed",
    [
        said("Half of", "length"), said("x", "content_filter"), said("x", None), said(None, "tool_calls"),
        said("x", tool_calls=[{"id": "1"}]), said("", "stop"), said("No.", refusal="No."), said("x" * 9_000), {},
        {"choices": []}, {"choices": [*said()["choices"], *said()["choices"]]},
    ],
)  # fmt: skip
def test_only_a_whole_text_is_an_answer(completed: dict[str, Any]) -> None:
    assert answer_text(completed) == ""
    assert answer_text(said(" Press it. ")) == "Press it."


def test_a_tier_0_answer_is_a_completion_and_a_stream_of_no_tokens() -> None:
    answer = FaqAnswer("faq_1", ASKED, "按“重置”。Press Reset.")
    parts = list(chunks(answer, id="chatcmpl-1", model="gpt-4o", now=12.7))
    whole = completion(answer, id="chatcmpl-1", model="gpt-4o", now=12.7)
    assert assemble(parts) == whole
    assert whole == {
        "object": "chat.completion", "id": "chatcmpl-1", "created": 12, "model": "gpt-4o",
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "按“重置”。Press Reset."},
                     "finish_reason": "stop"}],
    }  # fmt: skip
    assert parts[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [chunk for chunk in parts if not chunk["choices"]] == [parts[-1]]
    # And without the usage, which only who asked for it gets
    assert list(chunks(answer, id="chatcmpl-1", model="gpt-4o", now=12.7, usage=False)) == parts[:-1]


def test_an_answer_fits_where_there_is_room() -> None:
    answer = FaqAnswer("faq_1", ASKED, "word " * 40)
    assert answer.fits(0)
    assert answer.fits(50)
    assert not answer.fits(49)
