"""Watching the requests: each round looks for subjects that ask far more than is usual, or guess keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from memoryos_tasks.core.plane.anomalies import Anomaly, Norm, Rules, Subject, norm, remembered, seen
from memoryos_tasks.ports.counters import Counters
from memoryos_tasks.ports.plane.records import Counts, Traces

log = structlog.get_logger(__name__)

#: Seconds after its end that a minute is complete: every process has written its last batch of it.
LATE_SECONDS = 10
#: Finished minutes that a round looks back for, so that none is lost while beat is away for a while.
LOOK_BACK = 3


class Watching:
    """Looks at who asked. Rounds may run at the same time, and as often as one likes.

    A subject is flagged once its running minute is odd, without waiting for its end. ``rules`` are asked for anew at
    every round. Raises :class:`TrafficDown`.
    """

    def __init__(
        self, traces: Traces, counters: Counters, rules: Callable[[], Rules], clock: Callable[[], float]
    ) -> None:
        self._traces = traces
        self._counters = counters
        self._rules = rules
        self._clock = clock

    def look(self) -> list[Anomaly]:
        """One round; the anomalies that are new."""
        now, rules = self._clock(), self._rules()
        minute = int(now // 60)
        odd = self._settle(int((now - LATE_SECONDS) // 60), rules)
        odd |= self._odd(self._traces.counts(minute), rules)
        odd |= self._guessing(minute, rules)
        if not odd:
            return []
        known = {each.subject: each for each in self._traces.anomalies()}
        flagged = [seen(known.get(subject), subject, count, limits, now) for subject, (count, limits) in odd.items()]
        self._traces.flag(flagged)
        fresh = [each for each in flagged if each.first_at == now]
        for each in fresh:
            self._tell(each)
        return fresh

    def _settle(self, end: int, rules: Rules) -> dict[Subject, tuple[int, Norm]]:
        """Add the finished minutes before ``end`` to the histories; who was odd in them, also after the last look."""
        odd: dict[Subject, tuple[int, Norm]] = {}
        for minute in range(end - LOOK_BACK, end):
            if not self._traces.settle(minute):
                continue
            told = self._traces.counts(minute)
            odd |= self._odd(told, rules)
            history = {subject: remembered(told.history.get(subject, ()), count, rules)
                       for subject, count in told.counts.items()}
            if history:
                self._traces.remember(minute, history)
        return odd

    def _odd(self, told: Counts, rules: Rules) -> dict[Subject, tuple[int, Norm]]:
        found = {}
        for subject, count in told.counts.items():
            if count > rules.floor:
                limits = norm(told.history.get(subject, ()), rules)
                if count > limits.most:
                    found[subject] = (count, limits)
        return found

    def _guessing(self, minute: int, rules: Rules) -> dict[Subject, tuple[int, Norm]]:
        """Addresses whose callers failed to authenticate too often within the last minutes."""
        failed = self._traces.failures(range(minute - rules.auth_minutes + 1, minute + 1))
        limits = Norm(0.0, float(rules.auth_failures - 1))
        return {subject: (count, limits) for subject, count in failed.items() if count >= rules.auth_failures}

    def _tell(self, anomaly: Anomaly) -> None:
        self._counters.add("plane_anomalies", {str(anomaly.subject.sort): 1})
        log.warning("plane_anomaly", **told(anomaly))


def told(anomaly: Anomaly) -> Mapping[str, object]:
    """An anomaly as it goes to logs and operators: ids and numbers."""
    subject = anomaly.subject
    who = {"tenant": subject.tenant, "user": subject.name} if subject.tenant else {"ip": subject.name}
    return {"sort": str(subject.sort), **who, "count": anomaly.count, "peak": anomaly.peak,
            "usual": round(anomaly.usual, 1), "most": round(anomaly.most, 1),
            "first_at": anomaly.first_at, "last_at": anomaly.last_at}
