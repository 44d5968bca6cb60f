"""Which window a model has, and which vocabulary."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.encodings import encoding_of
from memoryos_tasks.core.windows import NoWindow, window, windows_of


@pytest.mark.parametrize(("model", "tokens"), [
    ("gpt-4", 8_192),
    ("gpt-4-0613", 8_192),
    ("gpt-4-turbo-2024-04-09", 128_000),
    ("gpt-4o-mini", 128_000),
    ("ft:gpt-4o-mini:acme::1", 128_000),
    ("openai/gpt-4.1", 1_047_576),
    ("gpt-5.4-mini-2026-03-17", 272_000),
    ("claude-opus-4-20250514", 200_000),
    ("claude-opus-4-8", 1_000_000),
    ("claude-haiku-4-5", 200_000),
    ("anthropic/claude-fable-5-1", 1_000_000),
    ("gemini-3-flash-preview", 1_048_576),
    ("deepseek-reasoner", 131_072),
    ("Qwen/Qwen2.5-7B-Instruct", None),
    ("llama3.2", None),
])  # fmt: skip
def test_known_windows(model: str, tokens: int | None) -> None:
    assert window("openai", model, {}) == tokens


def test_the_operator_knows_better() -> None:
    # Given windows by the names that clients use
    own = windows_of(" gpt-4=32768, ollama/llama3.2 = 4096,, claude/claude-opus-5=0 ")
    # Then they hold, and 0 is no bound
    assert window("openai", "gpt-4", own) == 32_768
    assert window("ollama", "llama3.2", own) == 4_096
    assert window("openai", "llama3.2", own) is None
    assert window("claude", "claude-opus-5", own) is None
    assert windows_of("") == {}


@pytest.mark.parametrize("text", ["gpt-4", "gpt-4=", "=5", "gpt-4=many", "gpt-4=-1"])
def test_what_is_no_window_is_said(text: str) -> None:
    with pytest.raises(NoWindow, match="model=tokens"):
        windows_of(text)


@pytest.mark.parametrize(("model", "encoding"), [
    ("gpt-4o", "o200k_base"),
    ("gpt-4.1-mini", "o200k_base"),
    ("openai/gpt-5.1", "o200k_base"),
    ("o3-mini", "o200k_base"),
    ("gpt-4-turbo", "cl100k_base"),
    ("ft:gpt-3.5-turbo:acme::1", "cl100k_base"),
    ("claude-opus-5", None),
    ("gemini-2.5-pro", None),
    ("llama3.2", None),
])  # fmt: skip
def test_known_vocabularies(model: str, encoding: str | None) -> None:
    assert encoding_of(model) == encoding
