"""Conditions in the engine's words. The owner is in every one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import numpy as np
import qdrant_edge as engine

from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Where

S = TypeVar("S")
T = TypeVar("T")


def known_form(ids: Iterable[str]) -> list[str]:
    """The ids that can name a point at all; any other names nothing."""
    return [id for id in ids if _is_uuid(id)]


@lru_cache(maxsize=65_536)
def _is_uuid(id: str) -> bool:
    try:
        return str(UUID(id)) == id
    except ValueError:
        return False


def owned(owner: Owner, ids: Iterable[str] | None = None, fence: int | None = None) -> engine.Filter:
    """Points of the owner, among ``ids`` if given, that no larger token than ``fence`` has written."""
    conditions = _owner(owner)
    if ids is not None:
        conditions.append(engine.HasIdCondition(set(known_form(ids))))
    if fence is not None:
        unfenced = engine.IsEmptyCondition("fence")
        older = engine.FieldCondition("fence", range=engine.RangeFloat(lte=fence))
        conditions.append(engine.Filter(should=[unfenced, older]))
    return engine.Filter(must=conditions)


def matching(where: Where) -> engine.Filter:
    """Points that meet every condition of ``where``."""
    conditions = _owner(where.owner)
    if where.kinds:
        conditions.append(_any("kind", where.kinds))
    if where.sessions:
        conditions.append(_any("session", where.sessions))
    if where.ids:
        conditions.append(engine.HasIdCondition(set(known_form(where.ids))))
    for field, value in where.equals.items():
        if value is None:
            conditions.append(engine.IsEmptyCondition(field))
        else:
            # The engine takes Python's own True for the integer 1, and then matches nothing.
            exact: Any = np.bool_(value) if isinstance(value, bool) else value
            conditions.append(engine.FieldCondition(field, match=engine.MatchValue(exact)))
    conditions += [_any(field, values) for field, values in where.among.items()]
    for field, most in where.at_most.items():
        conditions.append(engine.FieldCondition(field, range=engine.RangeFloat(lte=most)))
    for field, least in where.at_least.items():
        conditions.append(engine.FieldCondition(field, range=engine.RangeFloat(gte=least)))
    unwanted: list[Any] = [engine.HasIdCondition(set(known_form(where.without)))] if where.without else []
    unwanted += [engine.FieldCondition(field, match=engine.MatchValue(value)) for field, value in where.differs.items()]
    return engine.Filter(must=conditions, must_not=unwanted or None)


def beyond(field: str, least: float) -> Any:
    """Points whose number in this field is larger than ``least``."""
    return engine.FieldCondition(field, range=engine.RangeFloat(gt=least))


def lacking_vector(name: str) -> engine.Filter:
    """Points, of anybody, without a vector of this name."""
    return engine.Filter(must_not=[engine.HasVectorCondition(name)])


def built_once(build: Callable[[S], T]) -> Callable[[S], T]:
    """``build``, made once for each object, which must outlive it: the queries of a batch share their parts."""
    made: dict[int, T] = {}

    def built(source: S) -> T:
        if id(source) not in made:
            made[id(source)] = build(source)
        return made[id(source)]

    return built


def _owner(owner: Owner) -> list[Any]:
    return [
        engine.FieldCondition("user", match=engine.MatchValue(owner.user)),
        engine.FieldCondition("tenant", match=engine.MatchValue(owner.tenant)),
    ]


def _any(field: str, values: Iterable[str]) -> Any:
    return engine.FieldCondition(field, match=engine.MatchAny(list(values)))
