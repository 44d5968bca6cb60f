"""The routing policy: who answers what, in which order, and why."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.errors import (
    Cancelled,
    DeadlineExceeded,
    EndpointBusy,
    InvalidRequest,
    ModelNotFound,
    SensitiveContent,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.core.routing import CLOUD, LOCAL, Facts, Reason, candidates, passes_on, tier
from memoryos_tasks.core.routing_plan import Endpoint, Plan

HOME = Endpoint("ollama", "llama3.2", "http://10.0.0.5:11434")
TWIN = Endpoint("ollama", "llama3.2", "http://10.0.0.6:11434")
BIG = Endpoint("openai", "gpt-4o")
NEXT = Endpoint("claude", "claude-sonnet-4")
SPARE = Endpoint("deepseek", "deepseek-chat")
OFFLINE = Endpoint("offline", "offline")
NAMED_HOME = Endpoint("ollama", "llama3.2")

FULL = Plan(local=(HOME, TWIN), cloud=(BIG, NEXT), fallbacks={BIG.name: (SPARE, NAMED_HOME)}, complex_tokens=100)
CLOUDS = Plan(cloud=(BIG, NEXT))
HOMES = Plan(local=(HOME,))
BARE = Plan()

TABLE = [
    # auto
    ("a plain question", FULL, Facts(), Reason.DEFAULT, [BIG, SPARE, HOME, TWIN, NEXT]),
    ("a hot topic", FULL, Facts(hot=0.86), Reason.HOT, [HOME, TWIN, BIG, SPARE, NEXT]),
    ("a topic at the threshold", FULL, Facts(hot=0.85), Reason.DEFAULT, [BIG, SPARE, HOME, TWIN, NEXT]),
    ("a long question", FULL, Facts(tokens=101), Reason.COMPLEX, [BIG, SPARE, HOME, TWIN, NEXT]),
    ("one of just that length", FULL, Facts(tokens=100, hot=0.9), Reason.HOT, [HOME, TWIN, BIG, SPARE, NEXT]),
    ("a hot topic with code", FULL, Facts(hot=0.99, code=True), Reason.COMPLEX, [BIG, SPARE, HOME, TWIN, NEXT]),
    ("a sensitive question", FULL, Facts(sensitive=True), Reason.SENSITIVE, [HOME, TWIN]),
    ("a sensitive one with code", FULL, Facts(sensitive=True, code=True, tokens=999), Reason.SENSITIVE, [HOME, TWIN]),
    ("hot, but nothing in house", CLOUDS, Facts(hot=0.99), Reason.HOT, [BIG, NEXT]),
    ("complex, but no cloud", HOMES, Facts(code=True), Reason.COMPLEX, [HOME]),
    ("nothing but one in house", HOMES, Facts(), Reason.DEFAULT, [HOME]),
    # a model that was named
    ("a cloud model", FULL, Facts(NEXT), Reason.NAMED, [NEXT]),
    ("with a chain", FULL, Facts(BIG), Reason.NAMED, [BIG, SPARE, HOME, TWIN]),
    ("whatever the topic", FULL, Facts(NEXT, hot=0.99), Reason.NAMED, [NEXT]),
    ("by no plan at all", BARE, Facts(BIG), Reason.NAMED, [BIG]),
    ("all servers of a model in house", FULL, Facts(NAMED_HOME), Reason.NAMED, [HOME, TWIN]),
    ("a sensitive text to a model in house", FULL, Facts(NAMED_HOME, sensitive=True), Reason.NAMED, [HOME, TWIN]),
    ("a sensitive text to a cloud model", FULL, Facts(NEXT, sensitive=True), Reason.SENSITIVE, [HOME, TWIN]),
    ("a sensitive text to one with a chain", FULL, Facts(BIG, sensitive=True), Reason.SENSITIVE, [HOME, TWIN]),
    ("a sensitive text to the built-in model", BARE, Facts(OFFLINE, sensitive=True), Reason.NAMED, [OFFLINE]),
]


@pytest.mark.parametrize(
    ("plan", "facts", "reason", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_policy(plan: Plan, facts: Facts, reason: Reason, expected: list[Endpoint]) -> None:
    found = candidates(facts, plan)
    assert [one.endpoint for one in found] == expected
    assert {one.reason for one in found} == {reason}
    # And the tier says where each is
    for one in found:
        assert one.tier == (LOCAL if one.endpoint in (HOME, TWIN, OFFLINE) else CLOUD)


@pytest.mark.parametrize("facts", [
    Facts(sensitive=True), Facts(BIG, sensitive=True), Facts(NEXT, tokens=1, code=True, sensitive=True, hot=1.0),
])
def test_a_sensitive_text_is_refused_where_only_the_cloud_could_answer(facts: Facts) -> None:
    with pytest.raises(SensitiveContent) as caught:
        candidates(facts, CLOUDS)
    error = caught.value.described()
    assert (error["status"], error["code"], error["type"]) == (403, "sensitive_content", "permission_error")
    assert "router.local" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("plan", [FULL, CLOUDS, HOMES, BARE])
@pytest.mark.parametrize("named", [None, BIG, NEXT, SPARE, NAMED_HOME, OFFLINE])
@pytest.mark.parametrize("code", [False, True])
@pytest.mark.parametrize("hot", [0.0, 1.0])
def test_no_rule_ever_gives_a_sensitive_text_to_the_cloud(
    plan: Plan, named: Endpoint | None, code: bool, hot: float
) -> None:
    try:
        found = candidates(Facts(named, tokens=9999, code=code, sensitive=True, hot=hot), plan)
    except SensitiveContent:
        return
    assert {one.tier for one in found} == {LOCAL}


def test_auto_with_nothing_to_choose_from_says_what_to_set() -> None:
    with pytest.raises(ModelNotFound, match=r"router\.cloud or router\.local"):
        candidates(Facts(), BARE)


def test_the_tier_of_a_named_model_is_that_of_its_servers() -> None:
    assert tier(NAMED_HOME, FULL) == LOCAL
    assert tier(NAMED_HOME, BARE) == CLOUD
    assert tier(OFFLINE, BARE) == LOCAL
    assert tier(BIG, FULL) == CLOUD


def refused(status: int, code: str = "upstream_refused") -> UpstreamRefused:
    error = UpstreamRefused(upstream_status=status)
    error.status, error.code = status, code
    return error


@pytest.mark.parametrize(("error", "first", "later"), [
    (UpstreamError("hung up"), True, True),
    (UpstreamTimeout(), True, True),
    (EndpointBusy(), True, True),
    (refused(429), True, True),
    (refused(404), True, True),
    (refused(401), True, True),
    # The request itself, and what a filter blocked
    (refused(400), False, True),
    (refused(400, "content_filter"), False, False),
    (refused(413), False, True),
    (refused(422), False, True),
    (InvalidRequest("n"), False, True),
    # What ends the run
    (Cancelled(), False, False),
    (DeadlineExceeded(), False, False),
])
def test_after_which_errors_the_next_is_asked(error: Exception, first: bool, later: bool) -> None:
    assert (passes_on(error, first=True), passes_on(error, first=False)) == (first, later)
