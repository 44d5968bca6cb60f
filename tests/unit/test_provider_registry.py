from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from memoryos_tasks.adapters.llm.registry import ROWS, limits_of, provider_at, providers
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.settings import Llm
from memoryos_tasks.core.vendors import VENDORS, configured


def test_every_vendor_that_can_be_configured_has_its_provider() -> None:
    # Given an installation with a key and a server of its own for every vendor
    keys = {f"{name}_api_key": "key-1" for name in VENDORS}
    urls = {f"{name}_base_url": f"http://127.0.0.1:9/{name}" for name in VENDORS}
    llm = replace(Llm(), **keys, **urls)
    # Then each is there, and what the gateway takes for configured is what the worker has
    assert set(providers(llm)) == {"offline", *configured(llm)}
    assert set(ROWS) - {"glm"} == set(VENDORS) == set(configured(llm))


def test_without_settings_only_the_offline_model_is_there() -> None:
    assert set(providers(Llm())) == {"offline"}


def test_only_what_is_configured_is_imported() -> None:
    # Given a fresh process in which only Ollama is configured
    told = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from memoryos_tasks.adapters.llm.registry import providers\n"
        "from memoryos_tasks.core.settings import Llm\n"
        "providers(replace(Llm(), ollama_base_url='http://127.0.0.1:9'))\n"
        "print([name.rsplit('.', 1)[1] for name in sys.modules if name.startswith('memoryos_tasks.adapters.llm.')])"
    )
    root = Path(__file__).parents[2]
    run = [sys.executable, "-c", told]
    seen = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root, timeout=60)
    # Then no other provider was loaded
    assert "'ollama'" in seen.stdout
    assert not any(f"'{name}'" in seen.stdout for name in VENDORS if name != "ollama")


@pytest.mark.parametrize("name", sorted(VENDORS))
@pytest.mark.parametrize(
    "url", ["api.openai.com/v1", "ftp://x/v1", "http://", "http://u:p@x/v1", "http://x/v1?a=1", "http://x:99999/v1"]
)
def test_a_base_url_that_cannot_work_is_refused(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match=rf"llm\.{name}_base_url") as caught:
        providers(replace(Llm(), **{f"{name}_base_url": url}))
    assert "u:p" not in caught.value.message


@pytest.mark.parametrize("name", sorted(VENDORS))
@pytest.mark.parametrize("key", ["sk-\n1", "sk-密钥"])
def test_a_key_that_no_header_can_carry_is_refused(name: str, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"llm\.{name}_api_key") as caught:
        providers(replace(Llm(), **{f"{name}_api_key": key, f"{name}_base_url": "http://127.0.0.1:9"}))
    assert key not in caught.value.message


def test_a_provider_can_be_placed_at_a_url_of_ones_own() -> None:
    assert hasattr(provider_at("openai_compatible", "http://127.0.0.1:9/v1/"), "stream")
    assert hasattr(provider_at("glm", "http://127.0.0.1:9/generate", api_key="token-1"), "stream")
    with pytest.raises(ConfigError, match="No provider 'offline'"):
        provider_at("offline", "http://127.0.0.1:9")


def test_the_limits_are_those_of_the_settings() -> None:
    limits = limits_of(replace(Llm(), connect_timeout=1.0, first_token_timeout=2.0, idle_timeout=3.0))
    assert (limits.connect, limits.first_token, limits.idle) == (1.0, 2.0, 3.0)
