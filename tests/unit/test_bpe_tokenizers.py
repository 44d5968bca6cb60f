"""Tokens counted with the vocabularies that come with the tokenizer."""

from __future__ import annotations

import sys

import pytest

from memoryos_tasks.adapters.tokenizers.bpe import BpeTokenizers
from memoryos_tasks.core.items import Fact, Kind, Recalled, Tier
from memoryos_tasks.core.prompt import memory_block
from memoryos_tasks.core.tokens import estimate


@pytest.mark.parametrize(("model", "text", "tokens"), [
    ("gpt-4o", "", 0),
    ("gpt-4o", "hello world", 2),
    ("gpt-4o", "我叫小明，住在杭州。", 9),
    ("gpt-4", "我叫小明，住在杭州。", 13),
    ("gpt-4o", "<|endoftext|>", 7),
    ("gpt-4o", "half \ud83d", 2),
])  # fmt: skip
def test_counts_are_the_models_own(model: str, text: str, tokens: int) -> None:
    pytest.importorskip("toktok", reason="the tokenizer is an optional package")
    assert BpeTokenizers().counter(model)(text) == tokens


def test_an_unknown_vocabulary_is_estimated() -> None:
    assert BpeTokenizers().counter("claude-opus-5") is estimate


def test_without_the_package_all_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "toktok", None)
    assert BpeTokenizers().counter("gpt-4o") is estimate


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4"])
@pytest.mark.parametrize("budget", range(80, 600, 37))
def test_a_block_of_memories_keeps_within_its_budget_by_the_models_own_count(model: str, budget: int) -> None:
    pytest.importorskip("toktok", reason="the tokenizer is an optional package")
    # Given memories in two languages, with marks and line ends that vocabularies join across lines
    ends = ("", ".", "!!", "。", "…\n\n", ")", " 🎉", "://")
    words = ("fact", "Straße", "我们", "a-b_c") * 8
    texts = [f"{word} {at} 说的是一些事情{ends[at % 8]}" for at, word in enumerate(words)]
    facts = [Fact(Kind.TRAIT, "user", text, text, text, ("e",), 0.0, id=text) for text in texts]
    recent = [Recalled(text, Kind.TURN, Tier.SHORT, text, 1.0, (text,), at, role=("user", "assistant")[at % 2])
              for at, text in enumerate(texts)]  # fmt: skip
    count = BpeTokenizers().counter(model)
    # Then the whole block costs no more than its lines were allowed to
    assert count(memory_block(facts, recent[:7], budget, recent=recent[7:], count=count)) <= budget
