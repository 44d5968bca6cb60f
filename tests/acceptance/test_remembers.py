"""What was said is remembered: in another session, after a restart, by its own user only."""

from __future__ import annotations

from collections.abc import Callable

from acceptance.system import System, until


def test_remembers_a_user_over_a_restart(make_system: Callable[..., System]) -> None:
    # Given two users who said who they are, one in English and one in Chinese
    system = make_system()
    system.chat("My name is Alice and I work as a data scientist.", user="alice", session="monday")
    system.chat("我叫小明，我是一名数据科学家。", user="xiaoming", session="monday")
    # When everything stops and starts again
    assert system.stop() == 0
    system.start()
    # Then a new session knows each of them
    answer = system.chat("What is my name and my job?", user="alice", session="tuesday")
    assert "Alice" in answer
    assert "data scientist" in answer
    answer = system.chat("我叫什么名字？我的工作是什么？", user="xiaoming", session="tuesday")
    assert "小明" in answer
    assert "数据科学家" in answer
    # And another user learns nothing of either
    for question in ("What is my name and my job?", "我叫什么名字？我的工作是什么？"):
        answer = system.chat(question, user="mallory", session="tuesday")
        assert not any(word in answer for word in ("Alice", "data scientist", "小明", "数据科学家"))


def test_a_write_is_found_when_it_is_acknowledged(system: System) -> None:
    # When events are added
    messages = [
        {"role": "user", "content": "We sail to Bergen in May.", "event_id": "sail-1"},
        {"role": "assistant", "content": "Bring a raincoat.", "event_id": "sail-2"},
    ]
    added = system.post("/v1/memory/add", {"user_id": "sailor", "messages": messages})
    # Then the answer says that they are applied, and a retrieval names them as sources
    assert added.status_code == 200, added.text
    assert added.json() == {"status": "ok", "event_ids": ["sail-1", "sail-2"], "duplicates": []}
    found = system.post("/v1/memory/retrieve", {"user_id": "sailor", "query": "Where do we sail?"}).json()
    assert found["results"][0]["sources"] == ["sail-1"]
    # And the same events again have no second effect
    again = system.post("/v1/memory/add", {"user_id": "sailor", "messages": messages}).json()
    assert again["status"] == "duplicate"
    assert again["event_ids"] == []
    assert sorted(again["duplicates"]) == ["sail-1", "sail-2"]


def test_one_id_with_other_words_is_a_conflict(system: System) -> None:
    event = {"user_id": "conflict", "role": "user", "content": "first words", "event_id": "one"}
    assert system.post("/v1/memory/add", event).status_code == 200
    # When the id comes again with other content, beside a new event
    messages = [
        {"role": "user", "content": "unrelated and new", "event_id": "two"},
        {"role": "user", "content": "other words", "event_id": "one"},
    ]
    answer = system.post("/v1/memory/add", {"user_id": "conflict", "messages": messages})
    # Then nothing of it was applied
    assert answer.status_code == 409
    assert answer.json()["error"]["param"].endswith("event_id")
    found = system.post("/v1/memory/retrieve", {"user_id": "conflict", "query": "words unrelated new"}).json()
    assert [row["sources"] for row in found["results"] if row["kind"] == "turn"] == [["one"]]


def test_a_full_session_moves_into_mid_term_memory(system: System) -> None:
    # When a session hears more than short-term memory holds
    messages = [
        {"role": role, "content": f"{text} {number}", "event_id": f"{role}-{number}"}
        for number in range(15)
        for role, text in (("user", "How is the garden bed"), ("assistant", "The tomatoes grow in bed"))
    ]
    assert system.post("/v1/memory/add", {"user_id": "gardener", "messages": messages}).status_code == 200

    # Then its oldest exchanges become pages, and nothing is lost
    def moved() -> bool:
        query = {"user_id": "gardener", "query": "garden tomatoes bed", "limit": 60}
        rows = system.post("/v1/memory/retrieve", query).json()["results"]
        turns = {row["sources"][0]: row["tier"] for row in rows if row["kind"] == "turn"}
        assert len(turns) == 30
        return list(turns.values()).count("short_term") == 20

    until(moved, seconds=15, what="ten events in mid-term memory")


def test_a_profile_names_its_sources(system: System) -> None:
    event = {"user_id": "profiled", "role": "user", "content": "I am allergic to peanuts.", "event_id": "nut-1"}
    assert system.post("/v1/memory/add", event).status_code == 200
    profile = system.get("/v1/memory/profile?user_id=profiled").json()["profile"]
    assert [(trait["attribute"], trait["sources"]) for trait in profile] == [("allergy", ["nut-1"])]
