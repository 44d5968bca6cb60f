"""The time that a question about the past names."""

from __future__ import annotations

import re

from memoryos_tasks.core.when import Stretch, asked_span

#: What asks for today although a time is named: "I moved last week, where do I live?".
_TODAY = re.compile(
    r"\b(?:do|am) I\b|\b(?:do|does|is|are) (?:my|our)\b|\bdo we\b|\b(?:what|where|who|how)(?:'s| is| are) (?:my|our)\b"
    r"|\bnow\b|\bcurrent(?:ly)?\b|\bthese days\b|\bsince\b|现在|目前|如今",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\bbefore\b", re.IGNORECASE)


def past_span(question: str, now: float) -> Stretch | None:
    """The stretch that a question about a time that is over names; ``now`` is in seconds since the epoch."""
    span = asked_span(question, now)
    if span is None or span[1] > now or _TODAY.search(question) or _BEFORE.search(question):
        return None
    return span
