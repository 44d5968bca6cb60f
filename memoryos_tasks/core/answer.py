"""The extractive answer of the ``offline`` model: only what memory holds, never more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from memoryos_tasks.core.asking import TIMES, Asked, asked, is_chinese
from memoryos_tasks.core.claims import USER
from memoryos_tasks.core.extraction import claims
from memoryos_tasks.core.items import Fact, Kind, Recalled
from memoryos_tasks.core.statements import is_question
from memoryos_tasks.core.text import sentences, terms
from memoryos_tasks.core.validity import same
from memoryos_tasks.core.wording import addressed, sentence

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
_NOT_NOTED = (
    "Memory is off for this request, so nothing was noted. To switch it on, send a `user` and no "
    "`X-MemoryOS-Memory: off` header.",
    "本次请求没有开启记忆，因此什么都没有记录。"
    "要开启记忆，请发送 `user` 字段，并且不要发送 `X-MemoryOS-Memory: off` 请求头。",
)
_NOT_ASKED = (
    "Memory is off for this request, and no LLM is configured for this model. To switch it on, send a `user` and no "
    "`X-MemoryOS-Memory: off` header.",
    "本次请求没有开启记忆，此模型也没有配置大语言模型。"
    "要开启记忆，请发送 `user` 字段，并且不要发送 `X-MemoryOS-Memory: off` 请求头。",
)
_GREETING = (
    "Hello. This is the offline model: no LLM is configured, so it can only remember and quote.",
    "你好。这是离线模型：没有配置大语言模型，只能记忆和引用。",
)
_GREETING_OFF = (
    "Hello. This is the offline model: no LLM is configured, and memory is off for this request.",
    "你好。这是离线模型：没有配置大语言模型，本次请求也没有开启记忆。",
)
_OWN = (_NOTED, _QUOTING, _NOTHING, _NOTED_PLAIN, _NOT_NOTED, _NOT_ASKED, _GREETING, _GREETING_OFF)
_OWN_WORDS = tuple(text.strip() for pair in _OWN for text in pair)
_GREETS = re.compile(
    r"\W*(?:(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))(?: (?:there|all|again"
    r"|everyone))?|(?:你们?|您|大家)好|嗨|哈[喽啰]|喂|早上好|上午好|下午好|晚上好|早安|在吗)[啊呀哦呢]?\W*",
    re.IGNORECASE,
)
#: What a message about the past says besides what holds today.
_OLDER = re.compile(r"\bfrom\b|\bused to\b|\bbefore\b|\bprevious|\bformer|从|以前|之前|曾|过去|原来", re.IGNORECASE)

_FACTS = (Kind.TRAIT, Kind.KNOWLEDGE)

_SPEAKERS = {"user": ("you", "你"), "assistant": ("the assistant", "助手")}

_ANSWERED = re.compile(r"\b(?:tell me|remind me|list|show me|describe)\b|告诉我|提醒我|说说|列出"
    r"|^\W*(?:please |now |can you )*(?:summari[sz]e|sum up|recap)\b"
    r"|^\W*(?:请|帮我|你)*(?:总结|概括|介绍)", re.IGNORECASE)


def answer(
    question: str, facts: Sequence[Fact], recalled: Sequence[Recalled], now: float, *, memory: bool = True
) -> str:
    """What memory says to ``question``, in its language, at ``now`` (seconds since the epoch).

    ``facts`` are what is believed, ``recalled`` what retrieval found, best first. A statement is acknowledged with
    what was noted. Where memory holds nothing, the answer says so and that no LLM is configured.
    ``memory`` is False when this request neither reads nor writes memory: then nothing is noted, and it says so.
    """
    language = int(is_chinese(question))
    nothing = (_NOTHING if memory else _NOT_ASKED)[language]
    if not question.strip():
        return nothing
    if _GREETS.fullmatch(question):
        return (_GREETING if memory else _GREETING_OFF)[language]
    if not is_question(question) and not _ANSWERED.search(question):
        return _acknowledged(question, language) if memory else _NOT_NOTED[language]
    wanted = asked(question)
    if any(item.ended is not None for item in recalled):
        wanted = replace(wanted, former=True)  # the search has found that it asks for a time that is over
    said = [] if wanted.former else _about(wanted, facts, recalled, bool(language))
    if not said and claims(question):
        return _acknowledged(question, language) if memory else _NOT_NOTED[language]
    if not said:
        said = _quoted(question, wanted, facts, recalled, now, language)
    return _bounded(said) if said else nothing


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
    held = _held(facts, recalled)
    chosen = [fact for fact in held if _answers(fact, wanted)]
    chosen.sort(key=lambda fact: fact.subject != USER)
    lines = [_spoken(fact, chinese) for fact in chosen]
    if wanted.everything:
        known = {addressed(fact.text) for fact in [*facts, *held]}
        stored = [item.content for item in recalled if item.kind in _FACTS and not _rivals(item.content, held)]
        lines += [text for text in map(addressed, stored) if text not in known]
    else:
        lines = lines[:MAX_FACTS]
    return [("" if chinese else " ").join(dict.fromkeys(lines))] if lines else []


def _held(facts: Sequence[Fact], recalled: Sequence[Recalled]) -> list[Fact]:
    """The believed facts, and for slots without one what the recalled words of the user say."""
    believed = [fact for fact in facts if fact.valid_to is None]
    slots = {(same(fact.subject), same(fact.attribute)) for fact in believed}
    fresh = [fact for fact in _read(recalled) if (same(fact.subject), same(fact.attribute)) not in slots]
    return [*believed, *fresh]


def _rivals(text: str, held: Sequence[Fact]) -> bool:
    """Whether a stored fact fills a slot with one value that a held fact fills."""
    slots = {(same(fact.subject), same(fact.attribute)) for fact in held}
    single = [claim for claim in claims(_as_said(text)) if not claim.many]
    return any((same(claim.subject), same(claim.attribute)) in slots for claim in single)


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


def _quoted(
    question: str, wanted: Asked, facts: Sequence[Fact], recalled: Sequence[Recalled], now: float, language: int
) -> list[str]:
    """The recalled sentences that share most content words with the question, with who said them and when.

    A fact that shares as many as any of them is told instead of all quotations.
    """
    if _about_assistant(question, wanted):
        return []
    # What the search found to hold now, of several messages, may share no word with the question.
    holding_now = [item for item in recalled if item.parts.get("current")]
    if holding_now:
        return [_QUOTING[language], *(_quotation(item.content, item, now, language) for item in holding_now)]
    asked_terms = set(terms(question))
    held = _held(facts, recalled)
    holding = {(same(fact.subject), same(fact.attribute), same(fact.value)) for fact in held}
    ranked: list[tuple[float, int, str, Recalled]] = []
    for rank, item in enumerate(recalled):
        if item.ended is not None:
            continue  # it is told as it was said, with its date
        for text in sentences(item.content):
            text = text.strip()
            if not text or not _concerns(text, wanted) or is_question(text) or text.startswith(_OWN_WORDS):
                continue
            if _misses(text, wanted, holding):
                continue
            shared = len(asked_terms & set(terms(text))) * (0.5 if item.role == "assistant" else 1.0)
            if shared:
                ranked.append((shared - 0.05 * rank, -rank, text, item))
    told = [(shared, text) for shared, _, text, item in ranked if item.kind in _FACTS]
    said = max((shared for shared, _, _, item in ranked if item.kind not in _FACTS), default=0.0)
    best_told = max((shared for shared, _ in told), default=0.0)
    if told and best_told >= said - 0.05 * len(recalled):
        lines = dict.fromkeys(addressed(text) for shared, text in told if shared >= best_told - 0.5)
        return [("" if language else " ").join([*lines][:MAX_QUOTES])]
    ranked = [entry for entry in ranked if entry[3].kind not in _FACTS]
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    best = [entry for entry in ranked if entry[0] >= 0.5 * ranked[0][0]][:MAX_QUOTES]
    quotes = dict.fromkeys(_quotation(text, item, now, language) for _, _, text, item in best)
    return [_QUOTING[language], *quotes] if quotes else []


def _misses(text: str, wanted: Asked, holding: set[tuple[str, str, str]]) -> bool:
    """Whether a sentence says a time where a place is asked for, or what holds where what held is asked for."""
    if wanted.former and not _OLDER.search(text):
        stated = {(same(claim.subject), same(claim.attribute), same(claim.value)) for claim in claims(_as_said(text))}
        return bool(stated & holding)
    if wanted.where and USER in wanted.subjects:
        stated_times = {claim.attribute for claim in claims(_as_said(text))}
        return bool(stated_times) and stated_times <= TIMES
    return False


def _as_said(text: str) -> str:
    """A stored fact as its user would say it, so that the rules can read it."""
    text = re.sub(r"^You\b", "I", re.sub(r"^Your\b", "My", addressed(text))) if text.startswith("The user") else text
    return re.sub(r"^用户", "我", re.sub(r"^I (?:are|were)\b", "I am", text)).replace("I am born", "I was born")


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
