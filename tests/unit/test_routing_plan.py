"""The ``[router]`` settings: how they are read, and what is in house."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memoryos_tasks.adapters.config.toml import load
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.locality import private_url
from memoryos_tasks.core.routing_plan import Endpoint, embedder_in_house, in_house, plan_of
from memoryos_tasks.core.settings import Settings


def settings(llm: dict[str, Any] | None = None, embedding: dict[str, Any] | None = None, **router: Any) -> Settings:
    default = Settings()
    return replace(default, router=replace(default.router, **router), llm=replace(default.llm, **(llm or {})),
                   embedding=replace(default.embedding, **(embedding or {})))


def test_a_whole_plan_is_read() -> None:
    # Given backends with and without a server of their own, defaults and chains
    plan = plan_of(settings(
        local="ollama/llama3.2, ollama/qwen3:4b@http://10.0.0.5:11434/ ,openai/org/mix@http://127.0.0.1:8000/v1",
        cloud="gpt-4o, claude/claude-sonnet-4",
        fallbacks="gpt-4o = claude/claude-sonnet-4 | ollama/llama3.2; gemini-2.5-pro=gpt-4o;",
    ))
    # Then each stands in its place
    assert plan.local == (
        Endpoint("ollama", "llama3.2"),
        Endpoint("ollama", "qwen3:4b", "http://10.0.0.5:11434"),
        Endpoint("openai", "org/mix", "http://127.0.0.1:8000/v1"),
    )
    assert plan.cloud == (Endpoint("openai", "gpt-4o"), Endpoint("claude", "claude-sonnet-4"))
    assert plan.fallbacks == {
        "openai/gpt-4o": (Endpoint("claude", "claude-sonnet-4"), Endpoint("ollama", "llama3.2")),
        "gemini/gemini-2.5-pro": (Endpoint("openai", "gpt-4o"),),
    }
    # And clients see no addresses
    assert [one.name for one in plan.local] == ["ollama/llama3.2", "ollama/qwen3:4b", "openai/org/mix"]
    assert plan.local[1].source == "ollama@http://10.0.0.5:11434"


@pytest.mark.parametrize(("environ", "parts"), [
    ({"LOCAL": "llama"}, ("router.local", "'llama'", "provider/model")),
    ({"LOCAL": "ollama/llama@http://"}, ("router.local", "http://host:port")),
    ({"LOCAL": "openai/gpt-4o"}, ("router.local", "api.openai.com", "router.local_providers")),
    ({"LOCAL": "openai/x@https://llm.example.com/v1"}, ("router.local", "llm.example.com")),
    ({"LOCAL": "offline/offline@http://10.0.0.1"}, ("router.local", "offline")),
    ({"CLOUD": "gpt-4o,,nonsense"}, ("router.cloud", "'nonsense'")),
    ({"CLOUD": "auto"}, ("router.cloud", "'auto'")),
    ({"FALLBACKS": "gpt-4o"}, ("router.fallbacks", "model=next|another")),
    ({"FALLBACKS": "gpt-4o=|"}, ("router.fallbacks", "model=next|another")),
    ({"FALLBACKS": "gpt-4o=wonder"}, ("router.fallbacks", "'wonder'")),
    ({"LOCAL_PROVIDERS": "opnai"}, ("router.local_providers", "'opnai'", "embedding")),
    ({"HOT_TOPIC": "2"}, ("ROUTER__HOT_TOPIC", "1 or less")),
    ({"COMPLEX_TOKENS": "0"}, ("ROUTER__COMPLEX_TOKENS", "1 or more")),
    ({"SENSITIVE_KEYWORDS": " , "}, ("router.sensitive_keywords", "default")),
])
def test_what_cannot_be_read_is_refused_by_its_key(environ: dict[str, str], parts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        load({f"MEMORYOS__ROUTER__{key}": value for key, value in environ.items()})
    for part in parts:
        assert part in caught.value.message


def test_what_is_in_house() -> None:
    # The built-in model, and an Ollama at its usual place
    assert in_house(settings()) == {"offline", "ollama"}
    # An Ollama elsewhere is not
    assert in_house(settings({"ollama_base_url": "https://ollama.com"})) == {"offline"}
    assert in_house(settings({"ollama_base_url": "http://192.168.1.9:11434"})) == {"offline", "ollama"}
    # Another server on this machine may be a proxy: it counts when the operator says so
    vllm = {"openai_base_url": "http://127.0.0.1:8000/v1"}
    assert "openai" not in in_house(settings(vllm))
    assert "openai" in in_house(settings(vllm, local_providers="openai"))
    assert "openai" in in_house(settings(vllm, local="openai/mixtral"))
    # A server with a public name, too, if it is the operator's
    assert "claude" in in_house(settings(local_providers="claude"))


def test_a_server_of_its_own_says_nothing_of_the_provider() -> None:
    plan = plan_of(settings(local="openai/x@http://10.0.0.5:8000/v1"))
    assert plan.is_local(plan.local[0])
    assert not plan.is_local(Endpoint("openai", "x"))
    assert not plan.is_local(Endpoint("openai", "x", "http://10.0.0.6:8000/v1"))


def test_an_embedding_server_is_in_house_when_the_operator_says_so() -> None:
    near = {"provider": "openai", "base_url": "http://127.0.0.1:11434/v1"}
    assert not embedder_in_house(settings(embedding=near))
    assert embedder_in_house(settings(embedding=near, local_providers="embedding"))
    # Without an address of its own it is the chat provider's
    assert embedder_in_house(settings(embedding={"provider": "openai"}, local_providers="openai"))
    assert not embedder_in_house(settings(embedding=near, local_providers="openai"))


@pytest.mark.parametrize(("url", "private"), [
    ("http://127.0.0.1:11434", True), ("http://localhost", True), ("http://[::1]:80", True), ("http://10.1.2.3", True),
    ("http://172.16.0.1", True), ("http://192.168.0.10:8000/v1", True), ("http://[fd00::1]", True),
    ("http://ollama:11434", True), ("http://gpu.local", True), ("http://host.docker.internal:1", True),
    ("http://nas.home.arpa", True), ("http://LOCALHOST.:1", True),
    ("https://api.openai.com/v1", False), ("http://8.8.8.8", False), ("http://172.32.0.1", False),
    ("https://local.example.com", False), ("https://evil-local", True), ("http://notlocalhost.com", False),
    ("http://134744072", False), ("http://0x08080808", False), ("", False), ("http://[", False),
    ("http://127.0.0.1.example.com", False),
])
def test_addresses(url: str, private: bool) -> None:
    assert private_url(url) is private
