"""Which model answers, in what order others stand in for it, and why: a table, read from the top.

Tiers: 0 an answer that is known (no model), 1 models in house, 2 models in the cloud. A request that is sensitive is
never given a model of tier 2, whatever rule applies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from memoryos_tasks.core.errors import (
    EndpointBusy,
    InvalidRequest,
    ModelNotFound,
    SensitiveContent,
    UpstreamError,
    UpstreamRefused,
)
from memoryos_tasks.core.routing_plan import Endpoint, Plan

FAQ, LOCAL, CLOUD = 0, 1, 2

#: The field of a chat job's result that tells how its answer came about; no part of the completion.
ROUTE = "route"


class Reason(StrEnum):
    """Why a model was chosen, as a job shows it."""

    FAQ = "faq"
    NAMED = "named"
    SENSITIVE = "sensitive"
    COMPLEX = "complex"
    HOT = "hot_topic"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the policy goes by. ``named`` is None for ``auto``; ``hot``: the heat of the topic, 0 to 1."""

    named: Endpoint | None = None
    tokens: int = 0
    code: bool = False
    sensitive: bool = False
    hot: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that may answer."""

    endpoint: Endpoint
    tier: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """Where candidates come from, in order, for requests that ``applies`` says yes to."""

    reason: Reason
    applies: Callable[[Facts, Plan], bool]
    sources: tuple[Callable[[Facts, Plan], list[Endpoint]], ...]


def is_complex(facts: Facts, plan: Plan) -> bool:
    """Whether the request is long or about code."""
    return facts.code or facts.tokens > plan.complex_tokens


def _servers(named: Iterable[Endpoint], plan: Plan) -> list[Endpoint]:
    """The same with each model of ``router.local`` as all of its servers."""
    return [server for one in named for server in [each for each in plan.local if each.name == one.name] or [one]]


def _named(facts: Facts, plan: Plan) -> list[Endpoint]:
    return _servers([facts.named] if facts.named else [], plan)


def _chain(facts: Facts, plan: Plan) -> list[Endpoint]:
    return _servers(plan.fallbacks.get(facts.named.name, ()) if facts.named else (), plan)


def _local(_: Facts, plan: Plan) -> list[Endpoint]:
    return [*plan.local]


def _cloud(_: Facts, plan: Plan) -> list[Endpoint]:
    return _servers([each for one in plan.cloud for each in (one, *plan.fallbacks.get(one.name, ()))], plan)


#: The policy; the first rule that applies does.
RULES: tuple[Rule, ...] = (
    Rule(Reason.NAMED, lambda facts, plan: facts.named is not None and plan.is_local(_named(facts, plan)[0]),
         (_named, _chain)),
    Rule(Reason.SENSITIVE, lambda facts, plan: facts.sensitive, (_chain, _local, _cloud)),
    Rule(Reason.NAMED, lambda facts, plan: facts.named is not None, (_named, _chain)),
    Rule(Reason.COMPLEX, is_complex, (_cloud, _local)),
    Rule(Reason.HOT, lambda facts, plan: facts.hot > plan.hot_topic, (_local, _cloud)),
    Rule(Reason.DEFAULT, lambda facts, plan: True, (_cloud, _local)),
)


def tier(endpoint: Endpoint, plan: Plan) -> int:
    """The tier of a model that is named: of the first of its servers, where ``router.local`` has several."""
    return LOCAL if plan.is_local(_servers([endpoint], plan)[0]) else CLOUD


def candidates(
    facts: Facts, plan: Plan, turned: Callable[[Iterable[Endpoint]], list[Endpoint]] = list
) -> list[Candidate]:
    """The models to ask, best first, never empty. ``turned`` orders the servers in house, which take turns.

    Raises :class:`SensitiveContent` where only the cloud could answer what must stay in house, and
    :class:`ModelNotFound` where ``auto`` has nothing to choose from.
    """
    rule = next(rule for rule in RULES if rule.applies(facts, plan))
    ordered: dict[Endpoint, None] = {}
    for source in rule.sources:
        ordered.update(dict.fromkeys(turned(source(facts, plan))))
    found = [
        Candidate(endpoint, LOCAL if plan.is_local(endpoint) else CLOUD, rule.reason)
        for endpoint in ordered
        if plan.is_local(endpoint) or not facts.sensitive
    ]
    if not found and facts.sensitive:
        raise SensitiveContent(param="messages")
    if not found:
        raise ModelNotFound("The model 'auto' has nothing to choose from: set router.cloud or router.local.",
                            param="model")
    return found


#: Refusals that are about the request: another model would be asked in vain, or answer what was blocked.
_FINAL = frozenset({400, 413, 422})
#: The code of what a vendor's filter blocked, which nobody else is asked for.
BLOCKED = "content_filter"


def passes_on(error: Exception, *, first: bool) -> bool:
    """Whether the next candidate is asked after this error. ``first``: it is that of the model that was chosen.

    What a stand-in cannot express says nothing about the model that was asked for, so the next is tried.
    """
    if isinstance(error, UpstreamRefused):
        return error.code != BLOCKED and (error.status not in _FINAL or not first)
    if isinstance(error, InvalidRequest):
        return not first
    return isinstance(error, (UpstreamError, EndpointBusy))
