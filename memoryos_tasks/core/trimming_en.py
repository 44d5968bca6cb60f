"""Matched English values, cut to what they say."""

from __future__ import annotations

import re

_ARTICLE = re.compile(r"^(?:[Aa]n?|the|some|my|our) (?=\S)")
ENDS = re.compile(
    r"[,;:]? (?:with|for|since|now|because|where|which|who|that|when|while|near|after|before|until|but|though|so"
    r"|even|called"
    r"|named|along|during|by the|due|from|in order|if|and (?:i|my|we|he|she|it|they|am|is|a|an|the|have|was))\b.*$",
    re.IGNORECASE,
)
PLACE_ENDS = re.compile(
    r" (?:as|and (?=[a-z])|on|at|last|this|next|in (?:the )?(?:\d{4}|spring|summer|fall"
    r"|winter))\b.*$"
)
#: Between the members of a list.
LIST = re.compile(r"\s*(?:,\s*(?:and|or|&)?|\band\b|\bor\b|&|\bas well as\b|\bplus\b)\s*", re.IGNORECASE)
#: Beginnings of what is no thing: pronouns, clauses, amounts.
DANGLING = re.compile(
    r"^(?:it|this|that|these|those|you|your|him|her|them|how|what|when|where|why|the (?:idea|way|fact|part)|me"
    r"|us|being|one|all"
    r"|everything|nothing|something|anything|to (?:know|think|see|hear|say|be|get|ask|thank)|to$|not|no|going"
    r"|seeing|talking|here|there|his|her|their|its|the [a-z]|being able|(?:a )?(?:lot|bit|few|ton)|everywhere"
    r"|everyone|so|my)\b",
    re.IGNORECASE,
)


def plain(value: str) -> str:
    """Without outer spaces and marks, and without a leading article."""
    value = value.replace("\u201a", ",").strip(" \t.,;:!?\"'()*_-…")
    return _ARTICLE.sub("", value).strip()


def lowered(value: str) -> list[str]:
    """The plain value in lower case, for words of a closed set."""
    return [plain(value).casefold()]


def cut(value: str) -> str:
    return plain(ENDS.sub("", " " + value.strip()).strip())


def short(value: str, words: int) -> list[str]:
    return [value] if value and "…" not in value and len(value.split()) <= words and len(value) <= 80 else []
