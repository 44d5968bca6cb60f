"""Model names: which provider a name means, and what that vendor calls the model."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from memoryos_tasks.core.errors import ModelNotFound
from memoryos_tasks.core.vendors import fix

#: Every provider that a model name may begin with.
PROVIDERS = (
    "openai",
    "azure_openai",
    "claude",
    "gemini",
    "ollama",
    "deepseek",
    "openrouter",
    "openai_compatible",
    "glm",
    "offline",
)

OFFLINE = "offline"
#: The model that the router chooses for each question.
AUTO = "auto"

#: Bare names whose form tells the vendor.
_BARE = (
    (re.compile(r"(gpt-|chatgpt-|ft:gpt-|o[1-9](-|$))"), "openai"),
    (re.compile(r"claude-"), "claude"),
    (re.compile(r"gemini-"), "gemini"),
    (re.compile(r"deepseek-"), "deepseek"),
)

#: How much of an unknown name an error repeats, in characters.
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """``provider`` is one of PROVIDERS, or AUTO; ``model`` is the vendor's own name, which may hold slashes."""

    provider: str
    model: str


def resolve(name: str, available: Collection[str]) -> ResolvedModel:
    """The provider and vendor model that ``name`` means, among the ``available`` providers.

    Raises :class:`ModelNotFound`, with ``param="model"`` and what would work instead.
    """
    found = _parse(name)
    if found is None:
        raise _not_found(name, f"it should be {_would_work(available)}")
    if found.provider == AUTO not in available:
        raise _not_found(name, "there is nothing to choose from; set router.cloud or router.local")
    if found.provider not in available:
        advice = fix(found.provider) or f"use {_would_work(available)}"
        raise _not_found(name, f"provider '{found.provider}' is not available here; {advice}")
    return found


def _parse(name: str) -> ResolvedModel | None:
    if name in (OFFLINE, f"{OFFLINE}/{OFFLINE}"):
        return ResolvedModel(OFFLINE, OFFLINE)
    if name == AUTO:
        return ResolvedModel(AUTO, AUTO)
    provider, slash, model = name.partition("/")
    if slash:
        known = provider in PROVIDERS and provider != OFFLINE
        return ResolvedModel(provider, model) if known and model.strip() else None
    for form, vendor in _BARE:
        if form.match(name):
            return ResolvedModel(vendor, name)
    return None


def _would_work(available: Collection[str]) -> str:
    vendors = [f"'{name}/<model>'" for name in PROVIDERS if name in available and name != OFFLINE]
    offline = [f"'{OFFLINE}'"] if OFFLINE in available else []
    if not vendors:
        return " or ".join([*offline, f"a vendor's model once one is configured ({fix('openai')})"])
    return " or ".join([*vendors, *offline])


def _not_found(name: str, advice: str) -> ModelNotFound:
    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "…"
    return ModelNotFound(f"The model {shown!r} was not found: {advice}.", param="model")
