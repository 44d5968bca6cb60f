"""What the files of nodes and changes at run time make of the registry."""

from __future__ import annotations

from dataclasses import replace

import pytest
from registry_contract import A, B, C

from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.plane.catalogue import MOST_NODES, Catalogue, digest


def test_nothing_changes_what_was_read() -> None:
    before = Catalogue().apply([A], "one")
    before.put(B).drain(A.id).remove(B.id)
    assert before == Catalogue().apply([A], "one")


def test_what_was_put_as_it_is_configured_is_no_change() -> None:
    catalogue = Catalogue().apply([A], "one")
    assert catalogue.put(A) is catalogue
    drained = catalogue.drain(A.id)
    assert drained.drain(A.id) is drained
    # Putting it again ends the draining
    assert drained.put(A).endpoints() == (A,)


def test_what_was_removed_at_run_time_may_be_put_again() -> None:
    catalogue = Catalogue().apply([A, B], "one").remove(A.id)
    with pytest.raises(NotFound):
        catalogue.drain(A.id)
    assert catalogue.put(A).endpoints() == (A, B)


def test_an_endpoint_of_run_time_leaves_no_trace() -> None:
    catalogue = Catalogue().apply([A], "one")
    assert catalogue.put(C).remove(C.id) == catalogue


def test_a_digest_tells_secrets_apart_and_is_too_short_to_prove_one() -> None:
    assert digest([A]) != digest([replace(A, token="other")])
    assert digest([A, B]) != digest([B, A])
    assert len(digest([A])) * 4 < 64


def test_files_of_a_bounded_number_of_nodes_are_remembered() -> None:
    catalogue = Catalogue()
    for number in range(MOST_NODES + 10):
        catalogue = catalogue.seed([A], f"node{number}")
    assert len(catalogue.files) == MOST_NODES
    assert f"node{MOST_NODES + 9}" in catalogue.files


def test_a_secret_that_changed_in_the_file_counts_at_the_next_start() -> None:
    fresh = replace(A, token="fresh")
    assert Catalogue().seed([A], "one").seed([fresh], "one").endpoints() == (fresh,)
