"""The stored forms of questions, FAQs and their numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b

from memoryos_tasks.adapters.redis.keyspace import part, unpart
from memoryos_tasks.core.errors import Unreadable
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_heat import Stats
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.faq import FAQ_USER, Ask, Faq, Sample, Step, Unit


def identity(secret: bytes, gist: Sequence[str], scope: str | None) -> str:
    """See :meth:`memoryos_tasks.ports.faq.Shelf.identity`; no two lists of words give one id."""
    said = json.dumps([scope, list(gist)], ensure_ascii=False)
    return f"faq_{blake2b(said.encode('utf-8', 'surrogatepass'), digest_size=12, key=secret).hexdigest()}"


class Opened:
    """Reads what is sealed; what nobody can read any more is None."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def shelved(self, source: Owner | None, faq: Faq, *, by_hand: bool, tenant: str = "") -> str:
        """An FAQ as it is kept: whose words, h (by hand) or b (by beat), and the text sealed with the user's key."""
        body = {"question": faq.question, "answer": faq.answer, "any_scope": faq.any_scope, "at": faq.at}
        owner = source or Owner(tenant, FAQ_USER)
        whose = part(source.user) if source else ""
        sealed = self._codec.seal(owner, json.dumps(body, ensure_ascii=False))
        return f"{whose} {'h' if by_hand else 'b'} {sealed}"

    def faq(self, tenant: str, id: str, value: str) -> Faq | None:
        """An FAQ from what :meth:`shelved` gave; None when its user was erased."""
        whose, _, sealed = value.split(" ", 2)
        source = unpart(whose) if whose else None
        try:
            body = json.loads(self._codec.open(Owner(tenant, source or FAQ_USER), sealed))
        except Unreadable:
            return None
        return Faq(id, body["question"], body["answer"], source, body["any_scope"], body["at"])

    def sample(self, tenant: str, place: int, raw: str) -> Sample | None:
        """A sample from what is kept of it; None when its user was erased."""
        whose, _, sealed = raw.partition(" ")
        user = unpart(whose)
        try:
            question, answer = json.loads(self._codec.open(Owner(tenant, user), sealed))
        except Unreadable:
            return None
        return Sample(place, user, question, answer, sealed)


def noted(codec: Codec, ask: Ask) -> str:
    """The sealed wording and answer of an ask."""
    return codec.seal(ask.owner, json.dumps([ask.question, ask.answer], ensure_ascii=False))


def unit_of(
    id: str,
    fields: Mapping[str, str],
    live: str | None,
    held: bool,
    opened: Callable[[int, str], Sample | None],
) -> Unit:
    """A unit from its hash."""
    asks: Counter[int] = Counter()
    users: set[str] = set()
    samples: list[Sample] = []
    for name, value in fields.items():
        kind, _, rest = name.partition(" ")
        if kind == "d":
            day, _, user = rest.partition(" ")
            asks[int(day)] += int(value)
            users.add(user)
        elif kind == "s" and (sample := opened(int(rest), value)) is not None:
            samples.append(sample)
    samples.sort(key=lambda sample: sample.place)
    by_hand = live is not None and live.split(" ", 2)[1] == "h"
    return Unit(id, dict(asks), len(users), tuple(samples), live is not None, by_hand, held)


def stored_stats(stats: Stats) -> str:
    return json.dumps(asdict(stats))


def stats_of(stored: str | None) -> Stats:
    """What was found at the last look; zeros before the first."""
    return Stats(**json.loads(stored)) if stored else Stats()


def stored_step(step: Step) -> str:
    return json.dumps(asdict(step))


def step_of(fields: Mapping[str, str]) -> Step:
    """A line of the history from its entry."""
    return Step(**json.loads(fields["step"]))
