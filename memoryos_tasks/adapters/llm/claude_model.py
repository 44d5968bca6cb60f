"""What a Claude model's name tells of what it accepts.

Sources: Anthropic's pages "Thinking", "Preserved thinking", "Structured outputs" and the models overview. A vendor
that only speaks Claude's protocol names its models otherwise, and is taken for one of the early generation.
"""

from __future__ import annotations

import re

Version = tuple[int, int]

#: claude-opus-4-8, claude-3-7-sonnet-20250219, claude-opus-4-20250514 (a date is no minor version).
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")

#: From here on a model decides by itself how much to think, guided by an effort; a budget is deprecated or refused.
_ADAPTIVE: Version = (4, 6)
#: From here on output can be held to a JSON schema.
_STRUCTURED: Version = (4, 5)
#: From here on a thought that comes back is valid only after the very prompt that it was thought after.
_BOUND: Version = (5, 1)

#: Limits of an answer where a request names none, in tokens; all within what these models allow.
_EARLY_LIMITS: tuple[tuple[Version, int], ...] = (((3, 5), 4_096), ((3, 7), 8_192))
_LIMIT = 16_384
_THINKING_LIMIT = 32_000


class ClaudeModel:
    """One model, by its name."""

    def __init__(self, name: str) -> None:
        found = _VERSION.search(name)
        self._claude = "claude" in name
        self._version: Version | None = (int(found[1]), int(found[2] or 0)) if found else None

    @property
    def adaptive(self) -> bool:
        """Whether it thinks by an effort, not within a budget."""
        return self._from(_ADAPTIVE)

    @property
    def structured(self) -> bool:
        """Whether strict tools and JSON schemas are enforced."""
        return self._from(_STRUCTURED)

    @property
    def bound(self) -> bool:
        """Whether a kept thought is refused when anything before it has changed."""
        return self._version is not None and self._version >= _BOUND

    def limit(self, *, thinking: bool) -> int:
        """Tokens of an answer, thoughts included, where the request names no limit: the vendor demands one."""
        if self._version is not None:
            for below, limit in _EARLY_LIMITS:
                if self._version < below:
                    return limit
        return _THINKING_LIMIT if thinking or self.adaptive else _LIMIT

    def _from(self, first: Version) -> bool:
        """A Claude without a version in its name is a new one."""
        return self._claude and (self._version is None or self._version >= first)
