"""Answers without a model: what is asked often, always answered alike, and nobody's own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_answer import FaqAnswer
from memoryos_tasks.core.faq_ask import Question, answer_text, question, request, stands_alone
from memoryos_tasks.core.faq_form import form
from memoryos_tasks.core.settings_faq import Faq as Options
from memoryos_tasks.ports.faq import Ask, Shelf

log = structlog.get_logger(__name__)

#: Seconds for which a tenant without any FAQ is not asked about again.
NONE_SECONDS = 1.0
#: Tenants of which that is known at a time.
MOST_KNOWN = 10_000
#: Asks that wait in this process to be counted; the oldest are forgotten beyond it.
MOST_NOTED = 10_000
#: Asks that waited longer, because the store was away, are dropped: their user may have been erased since, and an
#: erasure waits for two seconds.
FRESH_SECONDS = 1.5
#: The model that answers from its user's memory alone.
OFFLINE = "offline"

#: Whether two questions of one gist mean the same, as the embedder sees it.
Alike = Callable[[str, str], bool]


def never(one: str, other: str) -> bool:
    """For embedders whose vectors do not tell look-alikes apart: only the same normalised question is the same."""
    return False


@dataclass(frozen=True, slots=True)
class _Noted:
    """What is to be counted: a question with the answer that may be shared, or the id of the FAQ that it hit."""

    owner: Owner
    asked: Question
    at: float
    answer: str = ""
    hit: str = ""


class Faqs:
    """Tier 0 of one process. Nothing here raises: a chat goes on without it."""

    def __init__(
        self,
        shelf: Shelf,
        options: Callable[[], Options],
        *,
        alike: Alike = never,
        sensitive: Callable[[str], bool] = lambda text: False,
        later: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shelf = shelf
        self._options = options
        self._alike = alike
        self._sensitive = sensitive
        self._later = later
        self._clock = clock
        self._none: dict[str, float] = {}
        self._noted: deque[_Noted] = deque(maxlen=MOST_NOTED)
        self._flushing = threading.Lock()

    def hit(self, owner: Owner, body: Mapping[str, Any]) -> FaqAnswer | None:
        """The tenant's answer to this request, if an FAQ asks the same; at most one round trip to the store.

        ``body`` is the chat request. The hit is counted as an ask.
        """
        options = self._options()
        if not options.enabled or self._clock() < self._none.get(owner.tenant, 0.0):
            return None
        asked = question(body)
        if asked is None:
            return None
        try:
            return self._found(owner, asked, options)
        except MemoryOSError as error:
            log.debug("faq_not_asked", code=error.code)
            return None

    def note(self, owner: Owner, body: Mapping[str, Any], completion: Mapping[str, Any], used_memory: bool) -> None:
        """Count a request that a model answered, and keep question and answer where they may be shared.

        ``used_memory``: memories of the user were in the prompt. Then the answer is nobody else's, and only the ask
        counts. Looked at and written a little later, in batches.
        """
        asked = request(body) if self._options().enabled else None
        if asked is None:
            return
        model = str(completion.get("model") or body.get("model") or "")
        shared = not used_memory and OFFLINE not in (model, str(body.get("model")))
        self._remember(_Noted(owner, asked, self._clock(), answer_text(completion) if shared else ""))

    def flush(self) -> None:
        """Write what was noted since the last time; what cannot be written now is dropped."""
        options = self._options()
        with self._flushing:
            noted: list[_Noted] = []
            oldest = self._clock() - FRESH_SECONDS
            while self._noted:
                one = self._noted.popleft()
                if one.at >= oldest and self._counts(one):
                    noted.append(one)
            try:
                asks = [self._ask(one) for one in noted]
                if asks:
                    self._shelf.note(asks, watch_from=options.min_asks, most=options.max_questions)
            except MemoryOSError as error:
                log.info("faq_asks_dropped", count=len(noted), code=error.code)

    def _counts(self, noted: _Noted) -> bool:
        """Whether it is an ask: of the hits all are."""
        asked = noted.asked
        if noted.hit:
            return True
        if not stands_alone(asked.text) or not asked.common:
            return False
        return not (self._sensitive(asked.text) or (noted.answer and self._sensitive(noted.answer)))

    def _ask(self, noted: _Noted) -> Ask:
        owner, asked = noted.owner, noted.asked
        id = noted.hit or self._shelf.identity(owner.tenant, asked.form.gist, asked.scope)
        return Ask(owner, id, asked.text, noted.answer, noted.at, bool(noted.hit))

    def _found(self, owner: Owner, asked: Question, options: Options) -> FaqAnswer | None:
        faq, count = self._shelf.find(owner.tenant, asked.form.gist, asked.scope)
        if not count:
            if len(self._none) >= MOST_KNOWN:
                self._none.clear()
            self._none[owner.tenant] = self._clock() + NONE_SECONDS
        if faq is None:
            return None
        same = form(faq.question).normal == asked.form.normal or self._alike(faq.question, asked.text)
        answer = FaqAnswer(faq.id, faq.question, faq.answer)
        if not same or not answer.fits(asked.room):
            return None
        self._remember(_Noted(owner, asked, self._clock(), hit=faq.id))
        return answer

    def _remember(self, noted: _Noted) -> None:
        self._noted.append(noted)
        self._later()
