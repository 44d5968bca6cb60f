"""The router at work: taking turns, standing in, holding back, counting places."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from fakes import ScriptedProvider, chunk, completion

from memoryos_tasks.core.errors import (
    DeadlineExceeded,
    EndpointBusy,
    InvalidRequest,
    MemoryOSError,
    ModelNotFound,
    SensitiveContent,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from memoryos_tasks.core.routing import Candidate
from memoryos_tasks.core.routing_plan import Endpoint, Plan
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.ports.llm import ModelCall
from memoryos_tasks.services.routing import COOL_SECONDS, Course, Fleet, Router, guard_towards

ONE = Endpoint("ollama", "small", "http://10.0.0.1")
TWO = Endpoint("ollama", "small", "http://10.0.0.2")
THREE = Endpoint("ollama", "small", "http://10.0.0.3")
BIG = Endpoint("openai", "big")
SPARE = Endpoint("claude", "spare")
WHOLE = [chunk("Hello"), chunk("", finish="stop")]
CHAIN = Plan(fallbacks={BIG.name: (SPARE,)})
FRAME = {"id": "c", "object": "chat.completion.chunk"}
ROLE = {**FRAME, "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}


class FakeSlots:
    """Counts in a dict."""

    def __init__(self) -> None:
        self.at: dict[str, set[str]] = {}
        self.asked = 0

    def take(self, endpoint: str, run: str, most: int) -> bool:
        self.asked += 1
        runs = self.at.setdefault(endpoint, set())
        if len(runs) < most:
            runs.add(run)
            return True
        return False

    def leave(self, endpoint: str, run: str) -> None:
        self.at.get(endpoint, set()).discard(run)


class House:
    """A router over scripted providers, and a clock that only sleeping moves."""

    def __init__(self, plan: Plan, *, most: int = 0, guard: bool = True, **providers: ScriptedProvider) -> None:
        self.now, self.slots = 1000.0, FakeSlots()
        self.providers: dict[str, ScriptedProvider] = {**providers}
        for endpoint in plan.local:
            self.providers.setdefault(endpoint.source, ScriptedProvider(WHOLE, completion("from home")))
        self.fleet = Fleet(plan, self.providers, Sensitivity() if guard else None, most)
        self.router = Router(lambda: self.fleet, self.slots, clock=lambda: self.now, sleep=self.sleep)
        self.during: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.during()

    def choose(self, model: str = "auto", text: str = "hi", hot: float = 0.0, **body: Any) -> Course:
        asked = {"model": model, "messages": [{"role": "user", "content": text}], **body}
        return self.router.choose(asked, lambda: hot)

    def ask(self, course: Course) -> dict[str, Any]:
        return self.router.complete(course, "run", call, bear)

    def listen(self, course: Course) -> list[dict[str, Any]]:
        return list(self.router.stream(course, "run", call, bear))

    def asked(self) -> list[str]:
        return [source for source, provider in self.providers.items() for _ in provider.calls]


def call(candidate: Candidate) -> ModelCall:
    return ModelCall("run", candidate.endpoint.model, {})


def bear(error: UpstreamError) -> None:
    raise error


def failing(error: MemoryOSError, chunks: Sequence[Mapping[str, Any]] = ()) -> ScriptedProvider:
    return ScriptedProvider(chunks, error=error)


def working(text: str = "Hello") -> ScriptedProvider:
    return ScriptedProvider([chunk(text), chunk("", finish="stop")], completion(text))


def names(course: Course) -> list[str]:
    return [one.endpoint.source for one in course.candidates]


def test_servers_in_house_take_turns() -> None:
    house = House(Plan(local=(ONE, TWO, THREE)))
    for _ in range(6):
        house.ask(house.choose())
    assert [len(house.providers[one.source].calls) for one in (ONE, TWO, THREE)] == [2, 2, 2]
    # By the name of their model, too, though the provider is nowhere else
    for _ in range(3):
        house.ask(house.choose("ollama/small"))
    assert [len(house.providers[one.source].calls) for one in (ONE, TWO, THREE)] == [3, 3, 3]
    with pytest.raises(ModelNotFound, match=r"llm\.ollama_base_url"):
        house.choose("ollama/other")


def test_servers_of_a_named_model_take_turns_also_for_sensitive_texts() -> None:
    house = House(Plan(local=(ONE, TWO), cloud=(BIG,)), ollama=working(), openai=working())
    for text in ("hi", "hi", "My password is hunter2", "My password is hunter2"):
        house.ask(house.choose("ollama/small", text))
    for _ in range(4):
        house.ask(house.choose("auto", "我的密码是 hunter2"))
    assert [len(house.providers[one.source].calls) for one in (ONE, TWO)] == [4, 4]
    assert house.providers["openai"].calls == []


def test_a_server_that_just_failed_comes_last_until_it_has_cooled() -> None:
    # Given two servers in house, of which one fails
    house = House(Plan(local=(ONE, TWO)), **{ONE.source: failing(UpstreamError("down"))})
    course = house.choose()
    assert names(course) == [ONE.source, TWO.source]
    # When it is asked, the other one answers
    assert house.ask(course)["choices"][0]["message"]["content"] == "from home"
    assert course.described() == {"tier": 1, "model": "ollama/small", "reason": "default",
                                  "tried": [{"model": "ollama/small", "code": "upstream_error"}]}
    # Then it is left alone for a while, whosever turn it is
    assert [names(house.choose())[0] for _ in range(3)] == [TWO.source] * 3
    house.now += COOL_SECONDS
    assert ONE.source in [names(house.choose())[0] for _ in range(2)]


def test_what_clients_name_is_not_remembered_as_failed() -> None:
    house = House(Plan(), openai=failing(UpstreamError("down")))
    for at in range(5):
        with pytest.raises(UpstreamError):
            house.ask(house.choose(f"openai/{at}"))
    assert house.router._failed == {}


def test_a_single_model_is_just_asked() -> None:
    house = House(Plan(), openai=working())
    course = house.choose("openai/big")
    assert house.ask(course)["choices"][0]["message"]["content"] == "Hello"
    assert course.as_asked
    assert course.described() == {"tier": 2, "model": "openai/big", "reason": "named", "tried": []}
    assert house.slots.asked == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_chain_is_asked_in_order_until_one_answers(stream: bool) -> None:
    plan = Plan(fallbacks={BIG.name: (SPARE, ONE)}, local=(ONE,))
    limit = UpstreamRefused(upstream_status=429)
    limit.status = 429
    house = House(plan, openai=failing(UpstreamError("hung up")), claude=failing(limit))
    course = house.choose("openai/big")
    said = house.listen(course) if stream else house.ask(course)
    assert said == (WHOLE if stream else completion("from home"))
    assert (course.as_asked, course.described()["tier"], course.described()["model"]) == (False, 1, "ollama/small")
    assert [one["model"] for one in course.tried] == ["openai/big", "claude/spare"]
    # And a model without a chain has none
    with pytest.raises(UpstreamError, match="hung up"):
        house.ask(house.choose("openai/other"))


@pytest.mark.parametrize("stream", [False, True])
def test_when_all_fail_the_client_hears_of_the_model_that_it_asked(stream: bool) -> None:
    house = House(CHAIN, openai=failing(UpstreamError("the first")), claude=failing(InvalidRequest("not here")))
    course = house.choose("openai/big")
    with pytest.raises(UpstreamError, match="the first"):
        house.listen(course) if stream else house.ask(course)
    assert house.asked() == ["openai", "claude"]


def test_a_silent_model_leaves_time_for_those_that_stand_in() -> None:
    # Given a chain of three and a minute, in which the first two say nothing for as long as they may
    plan = Plan(fallbacks={BIG.name: (SPARE, Endpoint("gemini", "last"))})
    late = UpstreamTimeout("the first did not finish")
    house = House(plan, openai=failing(late), claude=failing(UpstreamTimeout("nor did I")), gemini=working())
    end = house.now + 60

    def until_the_end(candidate: Candidate) -> ModelCall:
        if house.now >= end:
            raise DeadlineExceeded
        return ModelCall("run", candidate.endpoint.model, {}, deadline=end)

    def used_up(name: str) -> Callable[[int], None]:
        def wait(_: int) -> None:
            house.now = house.providers[name].calls[-1].deadline

        return wait

    house.providers["openai"].before, house.providers["claude"].before = used_up("openai"), used_up("claude")
    # When a whole answer is asked for
    whole = house.router.complete(house.choose("openai/big"), "run", until_the_end, bear)
    # Then each had its share, and the last all that was left
    assert whole["choices"][0]["message"]["content"] == "Hello"
    asked = [house.providers[name].calls[0].deadline - 1000.0 for name in ("openai", "claude", "gemini")]
    assert asked == [20.0, 40.0, 60.0]
    # And when no time is left for the others, the error is that of the model that was asked for
    house.now, house.providers["openai"].before = 1000.0, lambda _: house.sleep(60)
    course = house.choose("openai/big")
    with pytest.raises(UpstreamTimeout, match="the first"):
        house.router.complete(course, "run", until_the_end, bear)
    assert course.tried == [{"model": "openai/big", "code": "upstream_timeout"}]


def test_a_vendors_long_pause_is_not_waited_for_where_others_stand_in() -> None:
    house = House(CHAIN, openai=failing(UpstreamError("busy")), claude=working())
    whole = house.router.complete(
        house.choose("openai/big"), "run",
        lambda candidate: ModelCall("run", candidate.endpoint.model, {}, deadline=1060.0),
        lambda _: house.sleep(31),
    )  # fmt: skip
    assert whole["choices"][0]["message"]["content"] == "Hello"
    assert house.asked() == ["openai", "claude"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_filter_blocked_is_asked_of_nobody_else(stream: bool) -> None:
    blocked = UpstreamRefused("blocked")
    blocked.status, blocked.code = 400, "content_filter"
    house = House(CHAIN, openai=failing(blocked), claude=working())
    course = house.choose("openai/big")
    with pytest.raises(UpstreamRefused, match="blocked"):
        house.listen(course) if stream else house.ask(course)
    assert house.asked() == ["openai"]


def test_once_a_token_was_said_nobody_else_is_asked() -> None:
    house = House(CHAIN, openai=failing(UpstreamError("cut"), [chunk("Hel")]), claude=working())
    heard: list[dict[str, Any]] = []
    with pytest.raises(UpstreamError, match="cut"):
        heard += house.router.stream(house.choose("openai/big"), "run", call, bear)
    assert house.asked() == ["openai"]


def test_what_comes_before_the_first_token_binds_nobody() -> None:
    # Given a model that greets with its role and a filter's report, then dies
    report = {**FRAME, "choices": [], "prompt_filter_results": []}
    house = House(CHAIN, openai=failing(UpstreamError("cut"), [report, ROLE]), claude=working())
    # When it is asked, then the other one's chunks come, and nothing of the first
    assert house.listen(house.choose("openai/big")) == WHOLE
    # And of one that goes on nothing is lost or reordered
    house.providers["openai"] = ScriptedProvider([report, ROLE, *WHOLE])
    assert house.listen(house.choose("openai/big")) == [report, ROLE, *WHOLE]
    # Nor of one that says nothing
    house.providers["openai"] = ScriptedProvider([report, ROLE])
    assert house.listen(house.choose("openai/big")) == [report, ROLE]


@pytest.mark.parametrize("delta", [{"reasoning_content": "Hm"}, {"tool_calls": [{"index": 0}]}, {"refusal": "No"}])
def test_thoughts_calls_and_refusals_are_tokens(delta: dict[str, Any]) -> None:
    said = {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta}]}
    house = House(CHAIN, openai=failing(UpstreamError("cut"), [said]), claude=working())
    with pytest.raises(UpstreamError):
        house.listen(house.choose("openai/big"))
    assert house.asked() == ["openai"]


def test_auto_goes_by_heat_and_complexity() -> None:
    house = House(Plan(local=(ONE,), cloud=(BIG,), complex_tokens=50), openai=working())
    assert names(house.choose())[0] == "openai"
    assert names(house.choose(hot=0.9))[0] == ONE.source
    assert names(house.choose(text="```\ncode\n```", hot=0.9))[0] == "openai"
    assert names(house.choose(text="很" * 51, hot=0.9))[0] == "openai"


def test_heat_is_asked_for_only_where_it_counts() -> None:
    house = House(Plan(local=(ONE,), cloud=(BIG,)), openai=working())

    def hot() -> float:
        raise AssertionError("asked for the heat")

    for model, text in (("openai/big", "hi"), ("auto", "def f(x):\n  pass"), ("auto", "My password is hunter2")):
        house.router.choose({"model": model, "messages": [{"role": "user", "content": text}]}, hot)


@pytest.mark.parametrize("model", ["auto", "openai/big", "claude/spare"])
@pytest.mark.parametrize("text", ["My password is hunter2", "我的身份证号码是什么", "4111 1111 1111 1111"])
def test_a_sensitive_text_never_meets_the_cloud(model: str, text: str) -> None:
    # Given a model in house that fails, and clouds that would answer
    plan = Plan(local=(ONE,), cloud=(BIG,), fallbacks={BIG.name: (SPARE,)})
    house = House(plan, openai=working(), claude=working(), **{ONE.source: failing(UpstreamError("down"))})
    # When it is asked for
    course = house.choose(model, text)
    with pytest.raises(UpstreamError, match="down"):
        house.ask(course)
    # Then no cloud hears of it
    assert house.asked() == [ONE.source]
    assert (course.candidates[0].tier, course.candidates[0].reason) == (1, "sensitive")


def test_without_a_model_in_house_a_sensitive_text_is_refused() -> None:
    house = House(Plan(cloud=(BIG,)), openai=working())
    for model in ("auto", "openai/big"):
        with pytest.raises(SensitiveContent):
            house.choose(model, "My password is hunter2")
    # Also where the only one in house is not there
    plan = Plan(cloud=(BIG,), local=(Endpoint("ollama", "x"),), in_house=frozenset({"ollama"}))
    house = House(plan, openai=working())
    del house.providers["ollama"]
    with pytest.raises(SensitiveContent):
        house.choose("openai/big", "My password is hunter2")
    assert house.asked() == []


def test_without_the_guard_nothing_is_held_back() -> None:
    house = House(Plan(local=(ONE,)), guard=False, openai=working())
    assert names(house.choose("openai/big", "My password is hunter2")) == ["openai"]


def test_models_that_are_not_configured_are_passed_over() -> None:
    house = House(Plan(cloud=(SPARE, BIG)), openai=working())
    assert names(house.choose()) == ["openai"]
    # And what to set is said when nothing is left
    house = House(Plan(cloud=(SPARE,)))
    with pytest.raises(ModelNotFound, match=r"llm\.claude_api_key"):
        house.choose()
    with pytest.raises(ModelNotFound, match=r"router\.cloud"):
        House(Plan(), openai=working()).choose()


@pytest.mark.parametrize("stream", [False, True])
def test_a_full_model_is_passed_over(stream: bool) -> None:
    # Given a cap of one and a run at the first model
    house = House(CHAIN, most=1, openai=working(), claude=working("spare"))
    assert house.slots.take("openai/big", "other", 1)
    # When another one comes, the next in its chain answers at once
    course = house.choose("openai/big")
    house.listen(course) if stream else house.ask(course)
    assert (house.asked(), house.now) == (["claude"], 1000.0)
    assert course.tried == [{"model": "openai/big", "code": "endpoint_busy"}]
    # And its place is free again
    assert house.slots.at["claude/spare"] == set()


def test_a_run_waits_shortly_for_a_place_and_then_is_told_to_come_again() -> None:
    house = House(Plan(), most=1, openai=working())
    assert house.slots.take("openai/big", "other", 1)
    with pytest.raises(EndpointBusy) as caught:
        house.ask(house.choose("openai/big"))
    error = caught.value
    assert (error.status, error.type, error.retry_after, "llm.max_concurrent" in error.message) == (
        429, "rate_limit_error", 2, True)
    assert 1.9 < house.now - 1000.0 < 2.2
    # Another model of the vendor has places of its own
    house.ask(house.choose("openai/other"))
    # And one that becomes free meanwhile is taken
    house.during = lambda: house.slots.leave("openai/big", "other")
    house.ask(house.choose("openai/big"))
    assert house.slots.at["openai/big"] == set()


def test_the_place_is_given_back_however_it_ends() -> None:
    house = House(Plan(), most=1, openai=failing(UpstreamError("cut"), WHOLE[:1]))
    chunks = house.router.stream(house.choose("openai/big"), "run", call, bear)
    assert json.dumps(next(chunks))
    assert house.slots.at["openai/big"] == {"run"}
    with pytest.raises(UpstreamError):
        next(chunks)
    assert house.slots.at["openai/big"] == set()
    # Also when nobody listens any more
    chunks = house.router.stream(house.choose("openai/big"), "run", call, bear)
    next(chunks)
    chunks.close()
    assert (house.slots.at["openai/big"], house.providers["openai"].closed) == (set(), 2)


def test_what_an_analyst_must_not_be_shown() -> None:
    house = House(Plan(local=(ONE,), in_house=frozenset({"offline", "claude"})), openai=working(), claude=working())
    assert guard_towards(house.fleet, "openai/big") is house.fleet.guard
    assert guard_towards(house.fleet, "claude/spare") is None
    assert guard_towards(house.fleet, "nonsense") is house.fleet.guard
