"""Dead letters as an operator handles them: which ones are meant, and what is done to each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from memoryos_tasks.core.errors import InvalidRequest, NotFound
from memoryos_tasks.ports.dead_letters import EVENTS, DeadLetters, Letter
from memoryos_tasks.queues import QUEUES

log = structlog.get_logger(__name__)

#: The lists, in the order in which they are walked.
LISTS = (EVENTS, *QUEUES)
#: Most letters that one call handles or shows.
MOST = 1_000
#: Letters read from the store at once: each may hold a request of 20 MiB.
PIECE = 20
#: A letter's id: its list and its number there.
ID = re.compile(rf"(?:{'|'.join(LISTS)}):[0-9]{{1,19}}-[0-9]{{1,19}}\Z")
#: What a list of letters shows of each; the rest is shown of one at a time.
_SHOWN = (
    "id", "queue", "kind", "tenant", "subject", "task", "reason", "message", "exception", "attempts",
    "first_seen", "last_seen", "request_id", "replaying",
)  # fmt: skip
#: Headers of Celery messages that repeat the arguments; those of foreign messages may hold anything.
_PRIVATE = ("argsrepr", "kwargsrepr")


@dataclass(frozen=True, slots=True)
class Selection:
    """These letters, or at most ``count`` of one list or (``queue`` is None) of all, behind the letter ``after``."""

    ids: tuple[str, ...] = ()
    queue: str | None = None
    count: int = MOST
    after: str = ""


def brief(letter: Letter) -> dict[str, Any]:
    """A letter without its traceback and its original."""
    return {name: getattr(letter, name) for name in _SHOWN}


def get(letters: DeadLetters, id: str) -> Letter:
    """One letter. Raises :class:`NotFound`, also for what is no id."""
    if not ID.match(id):
        raise NotFound(f"There is no dead letter {id!r}; ids look like memory:1700000000000-0.", param="id")
    return letters.get(id)


def whole(letter: Letter, *, payload: bool) -> dict[str, Any]:
    """All of a letter; the texts of users only with ``payload``."""
    shown = {**brief(letter), "traceback": letter.traceback}
    if payload:
        return {**shown, "headers": dict(letter.headers), "body": letter.body}
    return {**shown, "headers": {name: value for name, value in letter.headers.items() if name not in _PRIVATE}}


def page(
    letters: DeadLetters, queue: str | None, *, count: int, after: str = ""
) -> tuple[list[Letter], str | None]:
    """Letters of one list, or of all one after the other, oldest first; and the id to go on after, if any.

    They come without their originals.
    """
    lists = LISTS if queue is None else (queue,)
    start = after.partition(":")[0] if after else lists[0]
    if start not in lists:
        raise InvalidRequest(f"cursor: {after!r} is no letter of the list {queue!r}.", param="cursor")
    found: list[Letter] = []
    for place in range(lists.index(start), len(lists)):
        more: str | None = after if lists[place] == start else ""
        while more is not None:
            some, more = letters.page(lists[place], count=min(count - len(found), PIECE), after=more)
            found += map(_light, some)
            if len(found) >= count:
                held = letters.counts() if more is None else {}
                on = more or any(held.get(name) for name in lists[place + 1 :])
                return found, found[-1].id if on else None
    return found, None


def replay(letters: DeadLetters, chosen: Selection, *, dry_run: bool) -> dict[str, Any]:
    """Run the chosen letters again; what became of each."""
    return _each(letters, chosen, "replay", lambda letter: letters.replay(letter.id).value, dry_run=dry_run)


def purge(letters: DeadLetters, chosen: Selection, *, dry_run: bool) -> dict[str, Any]:
    """Forget the chosen letters for good. One that is being replayed goes only when it is named by its id."""

    def forget(letter: Letter) -> str:
        if letter.replaying and not chosen.ids:
            return "busy"
        return "purged" if letters.purge(letter.id) else "not_found"

    return _each(letters, chosen, "purge", forget, dry_run=dry_run)


def _each(
    letters: DeadLetters, chosen: Selection, action: str, do: Callable[[Letter], str], *, dry_run: bool
) -> dict[str, Any]:
    found, cursor = _found(letters, chosen)
    done = [_outcome(id, letter, _would if dry_run else do) for id, letter in found.items()]
    counts = dict(Counter(one["outcome"] for one in done))
    if not dry_run:
        log.info("dead_letters", action=action, **counts)
    return {"dry_run": dry_run, "letters": done, "counts": counts, "next_cursor": cursor}


def _found(letters: DeadLetters, chosen: Selection) -> tuple[Mapping[str, Letter | None], str | None]:
    """The chosen letters by id, None for those that are not there; and where to go on."""
    if chosen.ids:
        return {id: _get(letters, id) for id in chosen.ids}, None
    some, cursor = page(letters, chosen.queue, count=chosen.count, after=chosen.after)
    return {letter.id: letter for letter in some}, cursor


def _get(letters: DeadLetters, id: str) -> Letter | None:
    try:
        return _light(get(letters, id))
    except NotFound:
        return None


def _light(letter: Letter) -> Letter:
    return replace(letter, body="", headers={}, traceback="")


def _outcome(id: str, letter: Letter | None, do: Callable[[Letter], str]) -> dict[str, Any]:
    if letter is None:
        return {"id": id, "outcome": "not_found"}
    try:
        return {**brief(letter), "outcome": do(letter)}
    except NotFound:  # It went between the two looks.
        return {"id": id, "outcome": "not_found"}


def _would(letter: Letter) -> str:
    return "busy" if letter.replaying else "chosen"
