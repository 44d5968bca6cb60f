"""The answers of jobs of kind ``infer``, for the runs that :class:`memoryos_tasks.services.chat.Chats` keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from memoryos_tasks.core.errors import DeadlineExceeded, InvalidRequest
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.ports.runs import Runs
from memoryos_tasks.services.answering import Answered
from memoryos_tasks.services.plane.inference import Inference, PlaneCall
from memoryos_tasks.services.work import Lease

#: Attempts of one ledger job say nothing about endpoints; this is the name of the route's tier.
PLANE = "plane"


class PlaneAnswers:
    """Answers by the plane's endpoints. ``timeout`` gives the seconds that an inference may take.

    A job's ``request`` is ``{"body": {"model"?, "messages" or "prompt", "temperature"?, "max_tokens"?}, "session"?,
    "deadline"?}``, the last in seconds since the epoch.
    The completion says in ``endpoint`` which one answered.
    """

    def __init__(
        self,
        runs: Runs,
        inference: Inference,
        timeout: Callable[[], float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._runs = runs
        self._inference = inference
        self._timeout = timeout
        self._clock = clock

    def answer(self, job: Job, lease: Lease | None, *, mute: bool) -> Answered:
        """The completion. Raises what :meth:`Inference.run` raises, and :class:`InvalidRequest`."""
        body = _messages(job.request["body"])
        with self._runs.watching(job.owner, job.id) as asked_to_stop:
            answer = self._inference.run(PlaneCall(
                id=job.id,
                owner=job.owner,
                model=str(body.get("model") or ""),
                body=body,
                session=_session(job),
                deadline=time.monotonic() + self._time_left(job),
                cancelled=lambda: asked_to_stop() or (lease is not None and (lease.cancelled or lease.lost)),
                queued=max(0.0, self._clock() - job.created_at) if job.created_at else 0.0,
            ))
        route = {"tier": PLANE, "model": answer.model, "endpoint": answer.endpoint, "tried": answer.attempts}
        return Answered({**answer.completion, "endpoint": answer.endpoint}, route)

    def note(self, job: Job, answered: Answered) -> None:
        """Nothing is remembered of an inference."""

    def _time_left(self, job: Job) -> float:
        """Seconds until the inference's end: the one that was asked for, else one that counts from its arrival."""
        asked = float(job.request.get("deadline") or 0.0)
        end = asked or (job.created_at or self._clock()) + self._timeout()
        left = min(end, job.deadline or end) - self._clock()
        if left <= 0:
            raise DeadlineExceeded
        return left


def _session(job: Job) -> str:
    session = str(job.request.get("session") or "")
    # Two users' sessions of one name are two.
    return f"{job.owner.tenant}/{job.owner.user}/{session}" if session else ""


def _messages(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request with messages, whichever way it was asked."""
    if body.get("messages"):
        return dict(body)
    if not isinstance(body.get("prompt"), str) or not body["prompt"]:
        raise InvalidRequest("An inference needs 'prompt' or 'messages'.", param="prompt")
    rest = {name: value for name, value in body.items() if name != "prompt"}
    return {**rest, "messages": [{"role": "user", "content": body["prompt"]}]}
