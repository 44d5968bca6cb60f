"""Dead letters in a list."""

from __future__ import annotations

from dataclasses import replace

from memoryos_tasks.core.errors import NotFound, TruthDown
from memoryos_tasks.ports.dead_letters import EVENTS, Letter, Replayed
from memoryos_tasks.queues import QUEUES


class FakeDeadLetters:
    """Letters in memory, oldest first; ``outcomes`` tells what a replay does instead. ``down``: unreachable."""

    def __init__(self) -> None:
        self.letters: dict[str, Letter] = {}
        self.outcomes: dict[str, Replayed] = {}
        self.down = False

    def _reach(self) -> None:
        if self.down:
            raise TruthDown

    def counts(self) -> dict[str, int]:
        self._reach()
        held = [letter.queue for letter in self.letters.values()]
        return {queue: held.count(queue) for queue in (EVENTS, *QUEUES)}

    def page(self, queue: str, *, count: int, after: str = "") -> tuple[list[Letter], str | None]:
        self._reach()
        mine = [letter for letter in self.letters.values() if letter.queue == queue]
        start = 1 + next((at for at, letter in enumerate(mine) if letter.id == after), -1)
        some = mine[start : start + count]
        return some, some[-1].id if some and len(mine) > start + count else None

    def get(self, id: str) -> Letter:
        self._reach()
        try:
            return self.letters[id]
        except KeyError:
            raise NotFound(param="id") from None

    def replay(self, id: str) -> Replayed:
        letter = self.get(id)
        outcome = self.outcomes.get(id) or (Replayed.BUSY if letter.replaying else Replayed.REPLAYED)
        if outcome is Replayed.REPLAYED:
            self.letters[id] = replace(letter, replaying=True)
        elif outcome is Replayed.SKIPPED:
            del self.letters[id]
        return outcome

    def purge(self, id: str) -> bool:
        self._reach()
        return self.letters.pop(id, None) is not None

    def bury(self, letter: Letter) -> str:
        self._reach()
        self.letters[letter.id] = letter
        return letter.id
