"""Which chat requests ask a question that an FAQ could answer, and which of those could become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from memoryos_tasks.core.chat import text_of
from memoryos_tasks.core.completion import said
from memoryos_tasks.core.faq_form import Form, form
from memoryos_tasks.core.faq_words import (
    ANYBODY,
    DANGLING,
    EXPLETIVE,
    FIRST,
    FIRST_ZH,
    FLEETING,
    GENERIC,
    GENERIC_ZH,
    GOING_ON,
    OWN,
)
from memoryos_tasks.core.text import content_words
from memoryos_tasks.core.words import word_set

#: Longest question, and longest answer, in characters.
MOST_ASKED, MOST_ANSWERED = 300, 8_000
#: Fields of a request that an answer of ours can do without; any other field asks for more than a text.
_HARMLESS = word_set(
    "model messages stream stream_options temperature top_p user max_tokens max_completion_tokens seed store metadata "
    "presence_penalty frequency_penalty reasoning_effort service_tier safety_identifier prompt_cache_key "
    "parallel_tool_calls"
)
#: Fields that ask for nothing with these values.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "n": (1,), "tools": ([],), "functions": ([],), "tool_choice": ("none", "auto"), "stop": ([],), "logprobs": (False,),
    "response_format": ({"type": "text"},), "modalities": (["text"],), "logit_bias": ({},),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks. ``scope`` is the system prompt under which it was asked: another one may want
    another answer. ``room`` is how many tokens the answer may have, 0 for any number.
    """

    text: str
    scope: str = ""
    room: int = 0

    @property
    def form(self) -> Form:
        """See :class:`Form`."""
        return form(self.text)

    @property
    def common(self) -> bool:
        """Whether it could be anybody's on any day: nothing personal, nothing that passes."""
        bare = GENERIC_ZH.sub("", GENERIC.sub("", ANYBODY.sub("", self.form.normal)))
        # "^us" is the country; any other of them in capitals is only loud.
        words = [word if word == "^us" else word.lstrip("^") for word in bare.split(" ")]
        personal = any(word in FIRST for word in words) or bool(FIRST_ZH.search(bare))
        return not (personal or OWN.search(self.text) or FLEETING.search(self.form.normal))


def question(body: Mapping[str, Any]) -> Question | None:
    """The question of a request that asks one thing for the first time, wants text, and stands alone; else None."""
    asked = request(body)
    return asked if asked is not None and stands_alone(asked.text) else None


def request(body: Mapping[str, Any]) -> Question | None:
    """As :func:`question`, without a look at what the text says."""
    if any(value is not None and not _harmless(name, value) for name, value in body.items()):
        return None
    messages = body.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        return None
    said_all: list[Any] = list(messages)
    before, last = said_all[:-1], said_all[-1]
    if not all(_says(one, "system", "developer") for one in before) or not _says(last, "user"):
        return None
    text = text_of(last.get("content")).strip()
    scope = "\n".join(text_of(one.get("content")) for one in before)
    return Question(text, scope, _room(body)) if 0 < len(text) <= MOST_ASKED else None


@lru_cache(maxsize=4096)
def stands_alone(text: str) -> bool:
    """Whether a text can be understood, and answered, without anything that was said before it."""
    text = text.strip()
    if not text or len(text) > MOST_ASKED or "\n" in text:
        return False
    normal = form(text).normal
    if GOING_ON.search(normal) or DANGLING.search(EXPLETIVE.sub(" ", normal)):
        return False
    return _says_enough(normal)


def answer_text(completion: Mapping[str, Any]) -> str:
    """What a completion answered, if it is a whole text and nothing else; else ''."""
    choices: list[Any] = list(completion.get("choices") or ())
    if len(choices) != 1 or choices[0].get("finish_reason") != "stop":
        return ""
    message = choices[0].get("message") or {}
    if message.get("tool_calls") or message.get("function_call") or message.get("refusal"):
        return ""
    text = said(completion).strip()
    return text if len(text) <= MOST_ANSWERED else ""


def _harmless(name: str, value: Any) -> bool:
    return name in _HARMLESS or value in _NEUTRAL.get(name, ())


def _says(message: Any, *roles: str) -> bool:
    """Whether one of these roles says a text and nothing else; a message with a name may be answered by that name."""
    if not isinstance(message, Mapping) or message.get("role") not in roles:
        return False
    more = (value for name, value in message.items() if name not in ("role", "content"))
    return _plain(message.get("content")) and all(value is None for value in more)


def _plain(content: Any) -> bool:
    """Whether a message's content is text alone."""
    if isinstance(content, str):
        return True
    if not isinstance(content, Sequence):
        return False
    return all(isinstance(part, Mapping) and part.get("type") == "text" for part in content)


def _room(body: Mapping[str, Any]) -> int:
    limits = [body.get(name) for name in ("max_tokens", "max_completion_tokens")]
    return min((limit for limit in limits if isinstance(limit, int) and limit > 0), default=0)


def _says_enough(normal: str) -> bool:
    """At least two words of which one has content, or four characters of Chinese."""
    words = content_words(normal)
    unspaced = sum(len(word) for word in words if not word.isascii())
    return unspaced >= 4 or (len(normal.split(" ")) >= 2 and any(len(word) > 1 for word in words))
