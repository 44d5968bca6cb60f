from __future__ import annotations

from memoryos_app.cli.bench import share, within
from memoryos_app.cli.locomo import Question


def result(content: str, *sources: str) -> dict[str, object]:
    return {"content": content, "sources": list(sources)}


def test_a_budget_ends_with_the_first_result_that_does_not_fit() -> None:
    results = [result("a" * 30), result("b" * 10), result("c")]
    assert within(results, 10) == results[:2]
    assert within(results, 7) == []
    assert within([], 10) == []


def test_recall_is_the_share_of_the_evidence_among_all_sources() -> None:
    question = Question("?", frozenset({"1", "2"}), 1)
    assert share(question, [result("x", "1"), result("y", "1", "7")]) == 0.5
    assert share(question, [result("x", "1"), result("y", "2")]) == 1.0
    assert share(question, []) == 0.0
