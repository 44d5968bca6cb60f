from __future__ import annotations

import pytest

from memoryos_tasks.adapters.llm.registry import providers
from memoryos_tasks.core.errors import ConfigError


@pytest.mark.parametrize(
    ("key", "url", "names"),
    [
        ("", "", {"offline"}),
        ("  ", " ", {"offline"}),
        ("", "https://api.openai.com/v1/", {"offline"}),
        ("sk-1", "", {"offline", "openai"}),
        ("", "http://127.0.0.1:9/v1", {"offline", "openai"}),
    ],
)
def test_a_provider_is_there_once_it_is_configured(key: str, url: str, names: set[str]) -> None:
    assert set(providers(openai_api_key=key, openai_base_url=url)) == names


@pytest.mark.parametrize(
    "url", ["api.openai.com/v1", "ftp://x/v1", "http://", "http://u:p@x/v1", "http://x/v1?a=1", "http://x:99999/v1"]
)
def test_a_base_url_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"llm\.openai_base_url") as caught:
        providers(openai_base_url=url)
    assert "u:p" not in caught.value.message


@pytest.mark.parametrize("key", ["sk-\n1", "sk-密钥"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=r"llm\.openai_api_key") as caught:
        providers(openai_api_key=key)
    assert key not in caught.value.message
