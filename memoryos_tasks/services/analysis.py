"""Facts and summaries of what was said, by rules or by a model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from memoryos_tasks.core import analysis
from memoryos_tasks.core.analysis import Analysis, BadAnswer
from memoryos_tasks.core.errors import MemoryOSError
from memoryos_tasks.core.events import Event
from memoryos_tasks.core.extraction import extract_all
from memoryos_tasks.core.models import OFFLINE, resolve
from memoryos_tasks.core.retries import Verdict, decide
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.ports.counters import Counters
from memoryos_tasks.ports.llm import ModelCall, Provider

log = structlog.get_logger(__name__)

#: How often a model is asked before its answers are given up.
TRIES = 3
#: Seconds that one answer may take.
ANSWER_SECONDS = 60.0


def by_rules(events: Sequence[Event]) -> Analysis:
    """What the messages state, each read after those before it; the summary stays as it is."""
    return Analysis(tuple(extract_all(events, {})))


class Analyst:
    """Asks the model that ``model()`` names, if any; the rules stand in for one that gives no sound answer.

    What is shown leaves this process, so nothing is asked unless a model is configured for it. ``guard`` tells of a
    model what it must not be shown; then the rules read all of these events, since a reply may say what it is about.
    """

    def __init__(
        self,
        providers: Callable[[], Mapping[str, Provider]],
        model: Callable[[], str],
        counters: Counters,
        guard: Callable[[str], Sensitivity | None] = lambda model: None,
    ) -> None:
        self._providers = providers
        self._model = model
        self._counters = counters
        self._guard = guard

    @property
    def asks(self) -> bool:
        """Whether a model is asked, so that an analysis takes seconds."""
        return bool(self._model())

    @property
    def guarded(self) -> bool:
        """Whether there is something that the model must not be shown."""
        return self.asks and self._guard(self._model()) is not None

    def read(self, events: Sequence[Event], summary: str, made_of: Sequence[str] = ()) -> Analysis:
        """What these events of one owner say, oldest first; ``summary`` is what is known of their topic, and
        ``made_of`` the texts that it tells of, which count where something must not be shown."""
        model = self._model()
        if not model or not events:
            return by_rules(events)
        guard = self._guard(model)
        if guard is not None and guard.any([summary, *made_of, *(event.content for event in events)]):
            self._counters.add("analysis", {"kept_in_house": 1})
            return by_rules(events)
        for _ in range(TRIES):
            try:
                found = analysis.parse(self._ask(model, events, summary), events, summary)
            except BadAnswer as error:
                self._refused("refused", str(error))
            except MemoryOSError as error:
                self._refused("failed", error.code)
                if decide(error, 1).verdict is not Verdict.RETRY:
                    break  # It will not be answered a moment later either.
            else:
                self._counters.add("analysis", {"accepted": 1})
                return found
        self._counters.add("analysis", {"by_rules": 1})
        return by_rules(events)

    def _ask(self, model: str, events: Sequence[Event], summary: str) -> str:
        providers = self._providers()
        named = resolve(model, [name for name in providers if name != OFFLINE])
        body = {"messages": analysis.messages(events, summary), "response_format": {"type": "json_object"}}
        call = ModelCall(
            id="analysis", model=named.model, body=body, memory=False, deadline=time.monotonic() + ANSWER_SECONDS
        )
        return _said(providers[named.provider].complete(call))

    def _refused(self, outcome: str, reason: str) -> None:
        log.warning("analysis_refused", outcome=outcome, reason=reason)
        self._counters.add("analysis", {outcome: 1})


def _said(completion: Mapping[str, Any]) -> str:
    """The text of a whole answer."""
    choice = completion["choices"][0]
    if choice.get("finish_reason") != "stop":
        raise BadAnswer("not a whole answer")
    content = choice["message"].get("content")
    if not isinstance(content, str):
        raise BadAnswer("not a text")
    return content
