"""The extractive answer of the ``offline`` model: only what memory holds, never more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from memoryos_tasks.core.asking import Asked, asked, is_chinese
from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.extraction import claims
from memoryos_tasks.core.items import Fact, Kind, Recalled
from memoryos_tasks.core.slots import same
from memoryos_tasks.core.statements import is_question
from memoryos_tasks.core.text import sentences, terms
from memoryos_tasks.core.wording import sentence

#: Longest answer, in characters.
MAX_ANSWER = 1200
#: Most facts and most quotations in one answer.
MAX_FACTS = 12
MAX_QUOTES = 3
#: Longest quotation, in characters.
MAX_QUOTE = 240

_NOTED = ("Noted: ", "记下了：")
_NOTED_PLAIN = (
    "Noted. No LLM is configured for this model, so it can only remember and quote.",
    "记下了。此模型没有配置大语言模型，只能记忆和引用。",
)
_QUOTING = ("From memory:", "记忆中有：")
_NOTHING = (
    "Memory holds nothing that answers this, and no LLM is configured for this model.",
    "记忆中没有能回答这个问题的内容，此模型也没有配置大语言模型。",
)
_OWN_WORDS = tuple(text.strip() for pair in (_NOTED, _QUOTING, _NOTHING, _NOTED_PLAIN) for text in pair)

_SPEAKERS = {"user": ("you", "你"), "assistant": ("the assistant", "助手")}

_ANSWERED = re.compile(r"\b(?:tell me|remind me|list|show me|describe)\b|告诉我|提醒我|说说|列出", re.IGNORECASE)


def answer(question: str, facts: Sequence[Fact], recalled: Sequence[Recalled], now: float) -> str:
    """What memory says to ``question``, in its language, at ``now`` (seconds since the epoch).

    ``facts`` are what is believed, ``recalled`` what retrieval found, best first. A statement is acknowledged with
    what was noted. Where memory holds nothing, the answer says so and that no LLM is configured.
    """
    language = int(is_chinese(question))
    if not question.strip():
        return _NOTHING[language]
    if not is_question(question) and not _ANSWERED.search(question):
        return _acknowledged(question, language)
    wanted = asked(question)
    said = _about(wanted, facts, recalled, bool(language))
    if not said and claims(question):
        return _acknowledged(question, language)
    if not said:
        said = _quoted(question, wanted, recalled, now, language)
    return _bounded(said) if said else _NOTHING[language]


def _acknowledged(text: str, language: int) -> str:
    noted = [
        sentence(claim.subject, claim.attribute, claim.value, chinese=bool(language), label=claim.label, you=True)
        for claim in claims(text)[:MAX_FACTS]
    ]
    return _bounded([_NOTED[language] + ("" if language else " ").join(noted)]) if noted else _NOTED_PLAIN[language]


def _about(wanted: Asked, facts: Sequence[Fact], recalled: Sequence[Recalled], chinese: bool) -> list[str]:
    """Sentences of the facts that the question asks for, the profile's slots in its order."""
    if not wanted.subjects:
        return []
    believed = [fact for fact in facts if fact.valid_to is None]
    slots = {(same(fact.subject), same(fact.attribute)) for fact in believed}
    fresh = [fact for fact in _read(recalled) if (same(fact.subject), same(fact.attribute)) not in slots]
    chosen = [fact for fact in [*believed, *fresh] if _answers(fact, wanted)]
    chosen.sort(key=lambda fact: fact.subject != USER)
    lines = [_spoken(fact, chinese) for fact in chosen]
    return [("" if chinese else " ").join(dict.fromkeys(lines[:MAX_FACTS]))] if lines else []


def _answers(fact: Fact, wanted: Asked) -> bool:
    if wanted.everything:
        return True
    if not any(_named(fact.subject, subject) for subject in wanted.subjects):
        return False
    asks = fact.attribute in wanted.attributes
    return asks or (fact.subject != USER and not wanted.attributes)


def _named(subject: str, wanted: str) -> bool:
    return same(subject) == same(wanted) or (wanted != USER and wanted in subject.casefold().split())


def _read(recalled: Sequence[Recalled]) -> list[Fact]:
    """What the recalled words of the user state themselves; of a slot with one value the newest counts."""
    found: dict[tuple[str, ...], Fact] = {}
    spoken = [item for item in recalled if item.kind == Kind.TURN and item.role == "user"]
    for item in sorted(spoken, key=lambda item: item.created_at):
        for claim in claims(item.content):
            key = (claim.subject, claim.attribute, same(claim.value) if claim.many else "")
            text = sentence(claim.subject, claim.attribute, claim.value, chinese=claim.chinese, label=claim.label)
            found[key] = Fact(
                Kind.TRAIT if claim.trait else Kind.KNOWLEDGE, claim.subject, claim.attribute, claim.value,
                text, item.sources, item.created_at, many=claim.many,
            )  # fmt: skip
    return list(found.values())


def _spoken(fact: Fact, chinese: bool) -> str:
    return sentence(fact.subject, fact.attribute, fact.value, chinese=chinese, you=True)


def _quoted(question: str, wanted: Asked, recalled: Sequence[Recalled], now: float, language: int) -> list[str]:
    """The recalled sentences that share most content words with the question, with who said them and when."""
    if _about_assistant(question, wanted):
        return []
    asked_terms = set(terms(question))
    ranked = []
    for rank, item in enumerate(recalled):
        for text in sentences(item.content):
            text = text.strip()
            if not text or not _concerns(text, wanted) or is_question(text) or text.startswith(_OWN_WORDS):
                continue
            shared = len(asked_terms & set(terms(text))) * (0.5 if item.role == "assistant" else 1.0)
            if shared:
                ranked.append((shared - 0.05 * rank, -rank, text, item))
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    best = [entry for entry in ranked if entry[0] >= 0.5 * ranked[0][0]][:MAX_QUOTES]
    lines = dict.fromkeys(_quotation(text, item, now, language) for _, _, text, item in best)
    return [_QUOTING[language], *lines] if lines else []


def _concerns(text: str, wanted: Asked) -> bool:
    """Whether a sentence may answer a question that is only about, say, the user's sister: it must name her."""
    others = wanted.subjects - {USER}
    return USER in wanted.subjects or not others or bool(others & asked(text).subjects)


def _about_assistant(question: str, wanted: Asked) -> bool:
    return USER not in wanted.subjects and bool(
        re.search(
            r"\b(?:your name|who are you|are you)\b|你(?:叫"
            r"|是)",
            question,
            re.I,
        )
    )


def _quotation(text: str, item: Recalled, now: float, language: int) -> str:
    short = text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1].rstrip() + "…"
    speaker = item.name or _SPEAKERS.get(item.role or "", ("", ""))[language]
    when = _when(item.created_at, now, language)
    about = ("，" if language else ", ").join(part for part in (speaker, when) if part)
    return f"“{short}”（{about}）" if language else f'"{short}" ({about})'


def _when(timestamp: float, now: float, language: int) -> str:
    days = int(now // 86400 - timestamp // 86400)
    if days in (0, 1):
        return (("today", "今天"), ("yesterday", "昨天"))[days][language]
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return ""


def _bounded(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    return text if len(text) <= MAX_ANSWER else text[: MAX_ANSWER - 1].rstrip() + "…"
