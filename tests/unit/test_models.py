from __future__ import annotations

import pytest

from memoryos_tasks.core.errors import ModelNotFound
from memoryos_tasks.core.models import PROVIDERS, resolve


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("openai/meta-llama/Llama-3:free", "openai", "meta-llama/Llama-3:free"),
        ("openrouter/anthropic/claude-sonnet-4", "openrouter", "anthropic/claude-sonnet-4"),
        ("azure_openai/my-deployment", "azure_openai", "my-deployment"),
        ("gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("chatgpt-4o-latest", "openai", "chatgpt-4o-latest"),
        ("ft:gpt-4o:acme::1", "openai", "ft:gpt-4o:acme::1"),
        ("o1", "openai", "o1"),
        ("o4-mini", "openai", "o4-mini"),
        ("claude-sonnet-4", "claude", "claude-sonnet-4"),
        ("gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
        ("deepseek-chat", "deepseek", "deepseek-chat"),
        ("openai/通义千问", "openai", "通义千问"),
        ("openai_compatible/Qwen/Qwen3-8B", "openai_compatible", "Qwen/Qwen3-8B"),
        ("offline", "offline", "offline"),
        ("offline/offline", "offline", "offline"),
    ],
)
def test_a_name_tells_provider_and_model(name: str, provider: str, model: str) -> None:
    # When every provider is available
    found = resolve(name, PROVIDERS)
    # Then the name means
    assert (found.provider, found.model) == (provider, model)


@pytest.mark.parametrize(
    "name",
    ["", "nonsense", "o1x", "gpt", "acme/gpt-4o", "openai/", "openai/ ", "/gpt-4o", "offline/gpt", "OFFLINE"],
)
def test_an_unknown_name_is_refused_with_what_would_work(name: str) -> None:
    # When a name means nothing
    with pytest.raises(ModelNotFound) as caught:
        resolve(name, ["openai", "offline"])
    # Then the error names it, its field, and what would work
    assert caught.value.param == "model"
    assert caught.value.status == 404
    assert repr(name) in caught.value.message
    assert "'openai/<model>' or 'offline'" in caught.value.message


def test_a_provider_that_is_not_configured_says_how_to_configure_it() -> None:
    # Given an installation with nothing but the offline model
    with pytest.raises(ModelNotFound) as caught:
        resolve("gpt-4o", ["offline"])
    # Then the error names the settings
    assert "set llm.openai_api_key or llm.openai_base_url" in caught.value.message


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("claude-sonnet-4", "set llm.claude_api_key or llm.claude_base_url"),
        ("azure_openai/gpt", "set llm.azure_openai_base_url and llm.azure_openai_api_key"),
        ("ollama/llama3", "set llm.ollama_base_url"),
        ("openai_compatible/x", "set llm.openai_compatible_base_url"),
    ],
)
def test_each_provider_names_its_own_settings(name: str, advice: str) -> None:
    with pytest.raises(ModelNotFound, match=advice):
        resolve(name, ["offline"])


def test_a_provider_that_cannot_be_configured_names_those_that_work() -> None:
    with pytest.raises(ModelNotFound) as caught:
        resolve("glm/glm-4.6", ["offline", "openai"])
    assert "provider 'glm' is not available here; use 'openai/<model>' or 'offline'" in caught.value.message


def test_auto_is_a_model_where_there_is_something_to_choose_from() -> None:
    assert resolve("auto", ["offline", "auto"]).provider == "auto"
    with pytest.raises(ModelNotFound, match=r"set router\.cloud or router\.local"):
        resolve("auto", ["offline", "openai"])


def test_a_name_is_repeated_only_in_part_and_escaped() -> None:
    # Given a name of a size and with characters that no log should see
    with pytest.raises(ModelNotFound) as caught:
        resolve("x\n" * 5000, ["offline"])
    # Then the message stays short and on one line
    assert len(caught.value.message) < 500
    assert "\n" not in caught.value.message
