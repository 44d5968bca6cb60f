"""What every registry must do: subclass :class:`RegistryContract` in a test module and give it ``open_one``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from waiting import until

from memoryos_tasks.adapters.plane.shared_registry import SharedRegistry
from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.plane.config import Breaker, Endpoint, Limits, endpoint_id
from memoryos_tasks.core.plane.policy import Policy

#: Opens a registry of the node of this name over the test's one store; it is started, and closed after the test.
OpenOne = Callable[[str], SharedRegistry]


def endpoint(name: str, **values: object) -> Endpoint:
    url = f"http://127.0.0.1:9/{name}"
    made = Endpoint(endpoint_id("glm-4", url, "glm"), "glm-4", "glm", url, token=f"secret-{name}")
    return replace(made, **values)  # type: ignore[arg-type]


A, B, C = endpoint("a"), endpoint("b", weight=2.0), endpoint("中文")


class RegistryContract:
    """Expects a fixture ``open_one``."""

    def test_the_configuration_and_changes_at_run_time_make_the_endpoints(self, open_one: OpenOne) -> None:
        registry = open_one("one")
        assert registry.endpoints() == ()
        registry.apply([A, B])
        assert registry.endpoints() == (A, B)
        registry.put(C)
        registry.drain(A.id)
        registry.remove(B.id)
        assert registry.endpoints() == (replace(A, draining=True), C)
        # A registry that is opened later knows the same, secrets too
        assert open_one("two").endpoints() == (replace(A, draining=True), C)
        assert {each.token for each in registry.endpoints()} == {"secret-a", "secret-中文"}

    def test_every_change_grows_the_revision_and_one_that_changes_nothing_does_not(self, open_one: OpenOne) -> None:
        registry = open_one("one")
        seen = [registry.revision()]
        for change in (
            lambda: registry.apply([A]), lambda: registry.put(B), lambda: registry.drain(B.id),
            lambda: registry.remove(B.id),
        ):
            change()
            seen.append(registry.revision())
        assert seen == sorted(set(seen))
        registry.put(A)
        assert registry.revision() == seen[-1]
        assert open_one("two").revision() == seen[-1]

    @pytest.mark.parametrize("call", ["drain", "remove"])
    def test_what_is_not_there_cannot_be_changed(self, open_one: OpenOne, call: str) -> None:
        registry = open_one("one")
        registry.apply([A])
        with pytest.raises(NotFound, match="no endpoint nobody"):
            getattr(registry, call)("nobody")
        registry.remove(A.id)
        with pytest.raises(NotFound):
            getattr(registry, call)(A.id)

    def test_changes_at_run_time_outlive_a_configuration_that_says_nothing_new_of_them(self, open_one: OpenOne) -> None:
        # Given changes at run time to two of three configured endpoints, and an endpoint of run time
        registry = open_one("one")
        registry.apply([A, B])
        registry.drain(A.id)
        registry.remove(B.id)
        registry.put(C)
        # When the configuration changes elsewhere, they stay
        other = endpoint("other")
        registry.apply([A, B, other])
        assert registry.endpoints() == (replace(A, draining=True), other, C)
        # When it says something new of them, that counts
        registry.apply([replace(A, weight=3.0), replace(B, weight=3.0)])
        assert registry.endpoints() == (replace(A, weight=3.0), replace(B, weight=3.0), C)
        # And what it no longer names has gone
        registry.drain(A.id)
        registry.apply([B])
        assert registry.endpoints() == (B, C)

    def test_a_policy_holds_for_all_until_a_file_says_another(self, open_one: OpenOne) -> None:
        one, two = open_one("one"), open_one("two")
        assert one.policy() is None
        # When the file of a node says one
        strict = Policy(limits=Limits(rps=7.0), breaker=Breaker(failures=2), timeout=9.0)
        one.apply([A], strict)
        # Then all have it, also who comes later
        until(lambda: two.policy() == strict, seconds=5, what="the other node has the policy")
        assert open_one("three").policy() == strict
        # And a file that says none, of a node that is new to it, leaves it
        two.seed([A, B])
        two.put(C)
        until(lambda: one.endpoints() == (A, B, C), seconds=5, what="the first node has the models")
        assert one.policy() == two.policy() == strict
        # And a node that starts again with its old file does not bring it back
        loose = replace(strict, timeout=30.0)
        two.apply([A, B], loose)
        again = open_one("one")
        again.seed([A], strict)
        assert again.policy() == loose
        # But the one whose file said it takes it back
        two.apply([A, B])
        assert two.policy() == Policy()

    def test_a_node_that_starts_with_an_old_file_undoes_nothing(self, open_one: OpenOne) -> None:
        one, two = open_one("one"), open_one("two")
        # Given two nodes with the same file
        one.seed([A])
        two.seed([A])
        # When one of them gets another file, and the other one starts again with the old one
        one.apply([A, B])
        two = open_one("two")
        two.seed([A])
        assert two.endpoints() == (A, B)
        # And so a new node
        three = open_one("three")
        three.seed([A])
        assert three.endpoints() == (A, B)
        # But a file that was changed while its node was away counts, were it to what was before
        one = open_one("one")
        one.seed([A])
        assert one.endpoints() == (A,)

    def test_a_change_of_one_is_heard_by_the_others(self, open_one: OpenOne) -> None:
        one, two = open_one("one"), open_one("two")
        heard: list[Sequence[Endpoint]] = []

        def broken(endpoints: Sequence[Endpoint]) -> None:
            raise RuntimeError("a listener that fails")

        two.listen(broken)
        end = two.listen(heard.append)
        one.apply([A])
        until(lambda: heard and heard[-1] == (A,), seconds=5, what="the configuration is heard of")
        one.put(B)
        until(lambda: heard[-1] == (A, B), seconds=5, what="the addition is heard of")
        assert two.endpoints() == (A, B)
        assert two.progress().revision == one.revision()
        end()
        one.remove(B.id)
        until(lambda: two.endpoints() == (A,), seconds=5, what="the removal is followed")
        assert heard[-1] == (A, B)

    def test_changes_made_at_once_all_count(self, open_one: OpenOne) -> None:
        registries = [open_one(f"n{at}") for at in range(3)]
        made = [[endpoint(f"{at}-{number}") for number in range(4)] for at in range(3)]
        failed: list[Exception] = []

        def put_all(at: int) -> None:
            try:
                for each in made[at]:
                    registries[at].put(each)
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=put_all, args=(at,)) for at in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)
        assert not failed
        every = {each.id for row in made for each in row}
        for registry in registries:
            until(
                lambda registry=registry: {each.id for each in registry.endpoints()} == every,
                seconds=5, what="every addition is known")

    def test_the_time_of_the_last_sync_goes_on(self, open_one: OpenOne) -> None:
        one, two = open_one("one"), open_one("two")
        one.apply([A])
        until(lambda: two.revision() == one.revision(), seconds=5, what="it is followed")
        before = two.progress().at
        until(lambda: two.progress().at > before, seconds=5, what="it looks again")
        assert 0 <= two.progress().delay_ms < 5000
