"""Conditions in the words of a Qdrant server. The owner is in every one of them."""

from __future__ import annotations

from collections.abc import Iterable

from qdrant_client import models

from memoryos_tasks.adapters.vectors.filters import known_form
from memoryos_tasks.core.events import Owner
from memoryos_tasks.ports.vectors import Where


def owned(owner: Owner, ids: Iterable[str] | None = None, fence: int | None = None) -> models.Filter:
    """Points of the owner, among ``ids`` if given, that no larger token than ``fence`` has written."""
    conditions = _owner(owner)
    if ids is not None:
        conditions.append(_among(ids))
    if fence is not None:
        unfenced = models.IsEmptyCondition(is_empty=models.PayloadField(key="fence"))
        older = models.FieldCondition(key="fence", range=models.Range(lte=fence))
        conditions.append(models.Filter(should=[unfenced, older]))
    return models.Filter(must=conditions)


def matching(where: Where) -> models.Filter:
    """Points that meet every condition of ``where``."""
    conditions = _owner(where.owner)
    for field, values in (("kind", where.kinds), ("session", where.sessions), *where.among.items()):
        if values:
            conditions.append(models.FieldCondition(key=field, match=models.MatchAny(any=list(values))))
    if where.ids:
        conditions.append(_among(where.ids))
    for field, value in where.equals.items():
        if value is None:
            conditions.append(models.IsEmptyCondition(is_empty=models.PayloadField(key=field)))
        else:
            conditions.append(models.FieldCondition(key=field, match=models.MatchValue(value=value)))
    for field, most in where.at_most.items():
        conditions.append(models.FieldCondition(key=field, range=models.Range(lte=most)))
    for field, least in where.at_least.items():
        conditions.append(models.FieldCondition(key=field, range=models.Range(gte=least)))
    unwanted: list[models.Condition] = [_among(where.without)] if where.without else []
    for field, value in where.differs.items():
        unwanted.append(models.FieldCondition(key=field, match=models.MatchValue(value=value)))
    return models.Filter(must=conditions, must_not=unwanted or None)


def beyond(field: str, least: float) -> models.Condition:
    """Points whose number in this field is larger than ``least``."""
    return models.FieldCondition(key=field, range=models.Range(gt=least))


def lacking_vector(name: str) -> models.Filter:
    """Points, of anybody, without a vector of this name."""
    return models.Filter(must_not=[models.HasVectorCondition(has_vector=name)])


def _owner(owner: Owner) -> list[models.Condition]:
    fields = (("user", owner.user), ("tenant", owner.tenant))
    return [models.FieldCondition(key=field, match=models.MatchValue(value=value)) for field, value in fields]


def _among(ids: Iterable[str]) -> models.Condition:
    return models.HasIdCondition(has_id=list(known_form(ids)))
