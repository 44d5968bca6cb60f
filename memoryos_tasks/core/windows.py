"""How long a prompt a model takes, in tokens: what its vendor publishes, or what the operator says."""

from __future__ import annotations

from collections.abc import Mapping

from memoryos_tasks.core.encodings import bare

_MILLION = 1_000_000

#: Beginnings of model names; of two that fit, the longer one holds. From the vendors' model pages, November 2026;
#: where a vendor bounds the prompt apart from the answer, that bound. Models that run in house are not here: their
#: servers decide.
WINDOWS: Mapping[str, int] = {
    "gpt-3.5-turbo": 16_385,
    "gpt-35-turbo": 16_385,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-4-0125": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4-turbo": 128_000,
    "gpt-4o": 128_000,
    "chatgpt-4o": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-4.5": 128_000,
    "gpt-5": 272_000,
    "gpt-5-chat": 128_000,
    "gpt-5.4": 1_050_000,
    "gpt-5.4-mini": 272_000,
    "gpt-5.4-nano": 272_000,
    "gpt-5.5": 1_050_000,
    "gpt-5.6": 922_000,
    "gpt-6": 922_000,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o3": 200_000,
    "o4-mini": 200_000,
    "claude-": _MILLION,
    "claude-2": 100_000,
    "claude-3": 200_000,
    "claude-opus-4": 200_000,
    "claude-opus-4-6": _MILLION,
    "claude-opus-4-7": _MILLION,
    "claude-opus-4-8": _MILLION,
    "claude-sonnet-4": 200_000,
    "claude-sonnet-4-6": _MILLION,
    "claude-haiku-4": 200_000,
    "gemini-": 1_048_576,
    "gemini-1.5-pro": 2_097_152,
    "deepseek-": 131_072,
    "deepseek-v4": _MILLION,
    "deepseek-flash": _MILLION,
}


class NoWindow(ValueError):
    """A setting that cannot be read."""


def window(provider: str, model: str, own: Mapping[str, int]) -> int | None:
    """The window of a vendor's model; None where nothing is known. ``own`` are the operator's, by the names that
    clients use: with the provider, or the model alone."""
    for name in (f"{provider}/{model}", model):
        if name in own:
            return own[name] or None
    known = [prefix for prefix in WINDOWS if bare(model).startswith(prefix)]
    return WINDOWS[max(known, key=len)] if known else None


def windows_of(text: str) -> dict[str, int]:
    """``model=tokens, model=tokens`` read; 0 means that there is no bound. Raises :class:`NoWindow`."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, tokens = part.rpartition("=")
        if not equals or not name.strip() or not tokens.strip().isdecimal():
            raise NoWindow(f"{part!r} is no window. Give model=tokens, with commas between two.")
        found[name.strip()] = int(tokens)
    return found
