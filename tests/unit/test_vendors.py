from __future__ import annotations

from dataclasses import replace

import pytest

from memoryos_tasks.core.models import PROVIDERS
from memoryos_tasks.core.settings import Llm
from memoryos_tasks.core.vendors import OPENAI_FAMILY, VENDORS, Access, access, configured, fix, openai_door


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, []),
        ({"openai_api_key": "  ", "openai_base_url": " "}, []),
        ({"openai_base_url": "https://api.openai.com/v1/"}, []),
        ({"openai_api_key": "sk-1"}, ["openai"]),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, ["openai"]),
        ({"azure_openai_api_key": "k"}, []),
        ({"azure_openai_base_url": "https://me.openai.azure.com"}, ["azure_openai"]),
        ({"ollama_base_url": "http://127.0.0.1:11434"}, ["ollama"]),
        ({"openai_compatible_api_key": "k"}, []),
        ({"openai_compatible_base_url": "http://127.0.0.1:8000/v1"}, ["openai_compatible"]),
        ({"claude_api_key": "k", "gemini_api_key": "k", "deepseek_api_key": "k", "openrouter_api_key": "k"},
         ["claude", "gemini", "deepseek", "openrouter"]),
        ({"glm_api_key": "k"}, []),
    ],
)  # fmt: skip
def test_a_vendor_is_there_once_it_can_be_asked(settings: dict[str, str], names: list[str]) -> None:
    assert configured(replace(Llm(), **settings)) == names


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_credentials_are_those_of_the_settings(name: str) -> None:
    # Given a key with a space around it and a base URL with a slash at its end
    keys = {f"{name}_api_key": " key-1 ", f"{name}_base_url": "http://127.0.0.1:9/x/"}
    assert access(replace(Llm(), **keys), name) == Access("key-1", "http://127.0.0.1:9/x")


@pytest.mark.parametrize("name", [name for name in VENDORS if VENDORS[name].base_url])
def test_without_a_base_url_the_vendors_own_is_asked(name: str) -> None:
    found = access(replace(Llm(), **{f"{name}_api_key": "k"}), name)
    assert found == Access("k", VENDORS[name].base_url)


def test_every_vendor_is_a_provider_that_names_may_begin_with() -> None:
    assert set(VENDORS) <= set(PROVIDERS)
    assert set(PROVIDERS) - set(VENDORS) == {"glm", "offline"}


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_what_an_error_says_to_set_turns_the_vendor_on(name: str) -> None:
    said = fix(name)
    assert said is not None
    keys = {word.removeprefix("llm."): "http://127.0.0.1:9" for word in said.split() if word.startswith("llm.")}
    assert name in configured(replace(Llm(), **keys))


def test_what_cannot_be_turned_on_has_no_advice() -> None:
    assert fix("glm") is None
    assert access(Llm(), "glm") is None


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("https://me.openai.azure.com", "/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21"),
        ("https://me.openai.azure.com/openai", "/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21"),
        ("https://me.openai.azure.com/openai/v1", "/chat/completions"),
    ],
)
def test_azure_has_its_own_path_and_header(base_url: str, path: str) -> None:
    door = openai_door("azure_openai", Access("key-1", base_url), "2024-10-21")
    assert door is not None
    assert (door.chat("my gpt/4"), dict(door.headers)) == (path, {"api-key": "key-1"})


@pytest.mark.parametrize("name", sorted(set(OPENAI_FAMILY) - {"azure_openai"}))
def test_the_others_of_the_family_are_called_alike(name: str) -> None:
    door = openai_door(name, Access("key-1", "http://x/v1"))
    assert door is not None
    assert (door.chat("any"), dict(door.headers)) == ("/chat/completions", {"Authorization": "Bearer key-1"})


@pytest.mark.parametrize("name", ["claude", "gemini", "ollama", "glm"])
def test_a_vendor_with_a_protocol_of_its_own_has_no_such_door(name: str) -> None:
    assert openai_door(name, Access("k", "http://x")) is None


@pytest.mark.parametrize("name", OPENAI_FAMILY)
def test_without_a_key_no_credential_is_sent(name: str) -> None:
    door = openai_door(name, Access("", "http://x"), "v")
    assert door is not None
    assert not door.headers
