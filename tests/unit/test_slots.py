"""What contradicts what."""

from __future__ import annotations

from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.slots import Changes, fact_id, resolve

OWNER = Owner("default", "alice")


def fact(attribute: str, value: str, at: float = 1.0, *, source: str = "e1", many: bool = False) -> Fact:
    return Fact(Kind.TRAIT, "user", attribute, value, f"{attribute} {value}", (source,), at, many=many)


def stored(*args: object, **more: object) -> Fact:
    return resolve(OWNER, [], [fact(*args, **more)]).to_insert[0]  # type: ignore[arg-type]


def test_a_fact_for_an_empty_slot_is_inserted_with_its_id() -> None:
    new = fact("residence", "Rome")
    changes = resolve(OWNER, [], [new])
    assert [inserted.id for inserted in changes.to_insert] == [fact_id(OWNER, new)]
    assert not changes.to_supersede
    assert not changes.to_update


def test_a_newer_value_supersedes() -> None:
    # Given a residence
    old = stored("residence", "Rome", 1.0)
    # When the user moves
    changes = resolve(OWNER, [old], [fact("residence", "Berlin", 2.0, source="e2")])
    # Then the new one replaces it
    assert changes.to_supersede == ((old.id, changes.to_insert[0].id),)


def test_the_same_value_in_other_case_only_gains_a_source() -> None:
    old = stored("occupation", "Data Scientist", 1.0)
    changes = resolve(OWNER, [old], [fact("occupation", "data  scientist", 2.0, source="e2")])
    assert changes.to_insert == ()
    assert changes.to_supersede == ()
    assert [(updated.id, updated.sources) for updated in changes.to_update] == [(old.id, ("e1", "e2"))]


def test_a_repeated_fact_changes_nothing() -> None:
    old = stored("residence", "Rome")
    assert resolve(OWNER, [old], [fact("residence", "Rome")]) == Changes()


def test_an_older_message_that_arrives_late_becomes_history() -> None:
    # Given a newer fact
    new = stored("residence", "Berlin", 5.0, source="e5")
    # When the older message is applied after it
    changes = resolve(OWNER, [new], [fact("residence", "Rome", 1.0)])
    # Then nothing is superseded, and the older one is stored as outdated
    assert changes.to_supersede == ()
    assert (changes.to_insert[0].valid_to, changes.to_insert[0].superseded_by) == (5.0, new.id)


def test_slots_with_several_values_keep_them_all() -> None:
    tea = stored("likes", "tea", many=True)
    changes = resolve(OWNER, [tea], [fact("likes", "coffee", 2.0, source="e2", many=True)])
    assert len(changes.to_insert) == 1
    assert changes.to_supersede == ()


def test_liking_and_disliking_the_same_contradict() -> None:
    coffee, tea = stored("likes", "Coffee", many=True), stored("likes", "tea", many=True)
    changes = resolve(OWNER, [coffee, tea], [fact("dislikes", "coffee", 2.0, source="e2", many=True)])
    assert changes.to_supersede == ((coffee.id, changes.to_insert[0].id),)


def test_one_batch_is_laid_in_the_order_of_time() -> None:
    # Given three residences in one batch, out of order
    batch = [fact("residence", v, t, source=f"e{t}") for v, t in (("C", 3.0), ("A", 1.0), ("B", 2.0))]
    # When they are resolved
    inserted = resolve(OWNER, [], batch).to_insert
    # Then they form a chain and only the last is believed
    assert [(f.value, f.valid_to) for f in inserted] == [("A", 2.0), ("B", 3.0), ("C", None)]
    assert inserted[0].superseded_by == inserted[1].id


def test_other_subjects_do_not_contradict() -> None:
    mine = stored("residence", "Rome")
    hers = Fact(Kind.KNOWLEDGE, "sister", "residence", "Oslo", "", ("e2",), 2.0)
    assert resolve(OWNER, [mine], [hers]).to_supersede == ()
