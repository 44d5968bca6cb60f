"""Every provider gives an OpenAI client the same: one table, through the whole system, in the vendors' protocols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from acceptance.system import ROOT, System
from conformance_table import CHECKS, NOT_APPLICABLE, PROVIDERS, Case, table
from openai import OpenAI
from vendors.azure_openai import AzureOpenAIVendor
from vendors.base import Vendor
from vendors.claude import ClaudeVendor
from vendors.deepseek import DeepSeekVendor
from vendors.gemini import GeminiVendor
from vendors.ollama import OllamaVendor
from vendors.openai import OpenAIVendor
from vendors.openrouter import OpenRouterVendor

VENDORS: Mapping[str, type[Vendor]] = {
    "openai": OpenAIVendor,
    "azure_openai": AzureOpenAIVendor,
    "claude": ClaudeVendor,
    "gemini": GeminiVendor,
    "ollama": OllamaVendor,
    "deepseek": DeepSeekVendor,
    "openrouter": OpenRouterVendor,
    "openai_compatible": OpenAIVendor,
}
#: Cells that are asked at a time: most of them wait.
AT_A_TIME = 12

Cells = Mapping[tuple[str, str], "Future[None]"]


@pytest.fixture(scope="module")
def vendors() -> Iterator[Mapping[str, Vendor]]:
    """One stand-in a provider."""
    with ExitStack() as servers:
        yield {provider: servers.enter_context(kind()) for provider, kind in VENDORS.items()}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory, vendors: Mapping[str, Vendor]) -> Iterator[Cells]:
    """Every cell of the table, asked of one running system, several at a time."""
    environment = {
        "MEMORYOS__LLM__FIRST_TOKEN_TIMEOUT": "3",
        "MEMORYOS__LLM__IDLE_TIMEOUT": "20",
        "MEMORYOS__JOBS__CHAT_DEADLINE": "30",
    }
    for provider, vendor in vendors.items():
        environment[f"MEMORYOS__LLM__{provider.upper()}_BASE_URL"] = vendor.url
        environment[f"MEMORYOS__LLM__{provider.upper()}_API_KEY"] = f"key-of-{provider}"
    running = System(tmp_path_factory.mktemp("conformance"), environment)
    running.start()
    with (
        OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0, timeout=40) as client,
        ThreadPoolExecutor(AT_A_TIME) as pool,
    ):
        cases = [Case(provider, client, vendor) for provider, vendor in vendors.items()]
        yield {
            (case.provider, name): pool.submit(check, case)
            for name, check in reversed(CHECKS.items())  # the slow ones stand last
            for case in cases
            if (case.provider, name) not in NOT_APPLICABLE
        }
    assert running.stop() == 0


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("check", CHECKS)
def test_conforms(cells: Cells, check: str, provider: str) -> None:
    if (provider, check) in NOT_APPLICABLE:
        pytest.skip(NOT_APPLICABLE[provider, check])
    cells[provider, check].result(timeout=60)


def test_the_page_of_the_table_is_current() -> None:
    assert (Path(ROOT) / "docs" / "conformance.md").read_text() == table()
