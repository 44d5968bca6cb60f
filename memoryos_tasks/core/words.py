"""Word lists, written as running text."""

from __future__ import annotations


def word_set(text: str, mark: str | None = None) -> frozenset[str]:
    """The words between the marks; between spaces without one."""
    return frozenset(text.split(mark))
