"""The checks of this machine: what they say when something is not as it should be."""

from __future__ import annotations

from importlib import metadata

import pytest
from packaging.requirements import Requirement

from memoryos_app.plane import checks_host
from memoryos_app.plane.checks import Level, fault, ok, tell, warn
from memoryos_tasks.core.plane.config import Auth, PlaneConfig, Server


def test_a_python_that_is_too_old_is_named() -> None:
    assert checks_host.python((3, 10, 4)) == fault(
        "python", "This is Python 3.10.4, and 3.11 or newer is needed. Install it and use it.")
    assert checks_host.python().level is Level.OK


def test_the_packages_are_compared_with_the_ranges_of_the_metadata() -> None:
    # Given a table, and versions of which one is too old and one is missing
    table = [Requirement("redis>=6.2,<9"), Requirement("kombu>=5.7,<6"), Requirement("flask>=3.1")]
    # When they are compared, then each that does not fit is a line with the command that mends it
    found = list(checks_host.packages(table, {"redis": "5.0.1", "flask": "3.2.0rc1"}))
    assert [each.said for each in found] == [
        "redis 5.0.1 is installed, and redis<9,>=6.2 is needed. Run: pip install 'redis<9,>=6.2'",
        "kombu is not installed, and kombu<6,>=5.7 is needed. Run: pip install 'kombu<6,>=5.7'",
    ]
    assert {each.level for each in found} == {Level.FAULT}


def test_the_table_is_that_of_the_package_and_fits_here() -> None:
    names = [each.name for each in checks_host.required()]
    assert {"celery", "redis", "flask", "gunicorn"} <= set(names)
    # Extras are nobody's duty.
    assert "sentence-transformers" not in names
    (said,) = checks_host.packages()
    assert (said.level, said.said.split()[0]) == (Level.OK, str(len(names)))


def test_without_metadata_it_says_that_nothing_was_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> list[str]:
        raise metadata.PackageNotFoundError("memoryos")

    monkeypatch.setattr(checks_host.metadata, "requires", missing)
    (said,) = checks_host.packages()
    assert said.level is Level.WARN
    assert "memoryos is not installed as a package" in said.said


@pytest.mark.parametrize(("auth", "said"), [
    (Auth(), "other machines are answered 403. Set auth.enabled and auth.api_key"),
    (Auth(allow_open=True), "anyone there may use the models. Set auth.enabled and auth.api_key"),
])
def test_an_open_address_without_a_key_is_worth_a_warning(auth: Auth, said: str) -> None:
    found = list(checks_host.port(PlaneConfig(server=Server("0.0.0.0", 0), auth=auth)))
    assert [each.level for each in found] == [Level.OK, Level.WARN]
    assert said in found[1].said
    closed = PlaneConfig(server=Server("0.0.0.0", 0), auth=Auth(True, "key"))
    assert [each.level for each in checks_host.port(closed)] == [Level.OK]


@pytest.mark.parametrize(("host", "said"), [
    ("192.0.2.1", "server.host: '192.0.2.1' is not an address of this machine. Give one."),
    ("no.such.host.invalid", "server.host: 'no.such.host.invalid' does not resolve"),
])
def test_a_host_that_is_not_here(host: str, said: str) -> None:
    (found,) = checks_host.port(PlaneConfig(server=Server(host, 0)))
    assert (found.level, said in found.said) == (Level.FAULT, True)


def test_faults_go_to_standard_error_a_line_each_and_decide(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell([ok("one", "good"), warn("two", "look")])
    assert not tell([fault("three", "first\nsecond"), ok("four", "good")])
    shown = capsys.readouterr()
    assert [line.split() for line in shown.out.splitlines()] == [
        ["ok", "one", "good"], ["warn", "two", "look"], ["ok", "four", "good"]]
    assert shown.err.splitlines() == ["fault three         first second"]
