"""What the clients of a crash test will send: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CLIENTS = 8
#: Sizes of one call, singles most often.
SIZES = (1, 1, 1, 2, 5)
#: The sessions of each user, one after the other: the first falls silent halfway.
SESSIONS = ("morning", "evening")
TOPICS = (
    "The harbour was full of herring boats this morning.",
    "I planted tomatoes and basil behind the house.",
    "The train to Lyon was two hours late again.",
    "今天我在公园里看见一只白色的猫。",
    "My sister plays the cello in a small orchestra.",
    "我们周末去爬山，山上很冷。",
)


@dataclass(frozen=True, slots=True)
class Said:
    """One event as its client sends it."""

    user: str
    session: str
    event_id: str
    content: str

    def message(self) -> dict[str, Any]:
        return {"role": "user", "content": self.content, "event_id": self.event_id}


@dataclass(frozen=True, slots=True)
class Call:
    """Events of one session that go in one call; ``again`` when all of them were sent before."""

    events: tuple[Said, ...]
    again: bool = False

    def body(self) -> dict[str, Any]:
        first = self.events[0]
        outer = {"user_id": first.user, "session_id": first.session}
        if len(self.events) == 1:
            return {**outer, **first.message()}
        return {**outer, "messages": [event.message() for event in self.events]}


def calls(number: int, *, seed: int) -> list[list[Call]]:
    """For each client its calls, in order; ``number`` different events in all, a tenth of the calls sent twice.

    A session belongs to one client, a user to several.
    """
    dice = random.Random(seed)
    users = [f"user-{at}" for at in range(max(CLIENTS, number // 100))]
    plans: list[list[Call]] = [[] for _ in range(CLIENTS)]
    for turn, session in enumerate(SESSIONS):
        for client, plan in enumerate(plans):
            mine = [user for at, user in enumerate(users, start=turn) if at % CLIENTS == client]
            share = len(range(client, number // len(SESSIONS), CLIENTS))
            plan += _calls(dice, session, mine, client, share)
    return plans


def _calls(dice: random.Random, session: str, users: list[str], client: int, share: int) -> Iterator[Call]:
    sent: list[Call] = []
    made = 0
    while made < share:
        user = dice.choice(users)
        events = []
        for _ in range(min(dice.choice(SIZES), share - made)):
            made += 1
            event_id = f"{client}-{session}-{made}"
            events.append(Said(user, session, event_id, f"{dice.choice(TOPICS)} ({event_id})"))
        sent.append(Call(tuple(events)))
        yield sent[-1]
        if dice.random() < 0.1:
            yield Call(dice.choice(sent[-20:]).events, again=True)


def singles(kind: str, number: int) -> list[Call]:
    """Calls with one event, each in a session of its own."""
    return [
        Call((Said(f"user-{at % 5}", f"{kind}-{at}", f"{kind}-{at}", f"My lucky number is {at}. What is it?"),))
        for at in range(number)
    ]


def lane(kind: str, number: int) -> list[Call]:
    """Calls with one event, all in one session."""
    return [Call((Said("user-0", kind, f"{kind}-{at}", f"{TOPICS[at % len(TOPICS)]} ({at})"),)) for at in range(number)]
