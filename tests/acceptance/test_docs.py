"""The documentation is true: its examples run as pasted, its links lead somewhere, its twin says the same."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
from acceptance.system import ROOT, System, clean_environment

README, TWIN, API = ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "docs" / "api.md"
PAGES = [README, TWIN, *sorted((ROOT / "docs").glob("*.md"))]
#: Stands before a block that a reader may paste against a running system.
MARK = "<!-- runs -->\n"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://)([^)\s]+)\)")
#: A person's or a machine's own folders; what is served and what is installed may be named.
_MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|Users|var|opt|mnt)\b")


def _runnable(page: Path) -> list[tuple[str, str]]:
    """Language and text of the marked blocks of a page."""
    parts = page.read_text(encoding="utf-8").split(MARK)[1:]
    found = [_BLOCK.match(part) for part in parts]
    assert all(found), f"a mark in {page.name} stands before no block"
    return [(block[1], block[2]) for block in found if block]


def _run(language: str, code: str, system: System) -> str:
    """What the block prints, with the documented port replaced by the system's."""
    command = {"bash": ["bash", "-eu", "-o", "pipefail", "-c"], "python": [sys.executable, "-c"]}[language]
    pasted = code.replace(":8080", f":{system.port}")
    ran = subprocess.run([*command, pasted], env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, f"{code}\n{ran.stdout}\n{ran.stderr}"
    assert ran.stdout.strip(), f"printed nothing:\n{code}"
    assert '"error":{' not in ran.stdout, f"{code}\n{ran.stdout}"
    return ran.stdout


def _headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_runs_as_pasted(system: System) -> None:
    # When its examples are run one after the other
    told, remembered, profile = [_run(*block, system) for block in _runnable(README)]
    # Then the first is a completion, another session remembers it, and the profile has both facts
    assert "chat.completion" in told
    assert "Alice" in remembered
    assert "data scientist" in remembered
    assert '"value":"Alice"' in profile
    assert '"value":"data scientist"' in profile


def test_the_api_page_runs_as_pasted(system: System) -> None:
    # When its examples are run one after the other
    outputs = [_run(*block, system) for block in _runnable(API)]
    printed = "\n".join(outputs)
    # Then facts are remembered, streams and replays end well, a search names its sources, a job succeeds
    assert "Hamburg" in printed
    assert printed.count("data: [DONE]") == 3
    assert '"sources":["trip-1"]' in printed
    assert '"status":"succeeded"' in printed
    assert '"status":"ready"' in printed
    # And the chat that was sent twice was answered once
    twice = [output.splitlines() for output in outputs if output.count('"chat.completion"') == 2]
    assert [first == second for first, second in twice] == [True]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in _headings(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_machine_is_named(page: Path) -> None:
    assert _MACHINE.findall(page.read_text(encoding="utf-8")) == []


def test_the_chinese_readme_is_a_twin() -> None:
    # Given both pages, with the words in angle brackets and the labels of pictures left to each language
    def blocks(page: Path) -> list[tuple[str, str]]:
        found = _BLOCK.findall(page.read_text(encoding="utf-8"))
        return [(language, "" if language == "mermaid" else code) for language, code in found]

    def links(page: Path) -> list[str]:
        found = _LINK.findall(page.read_text(encoding="utf-8"))
        return [link for link in found if link not in (README.name, TWIN.name)]

    # Then the code, the marks and the links are the same
    assert blocks(README) == blocks(TWIN)
    assert _runnable(README) == _runnable(TWIN)
    assert links(README) == links(TWIN)


def test_every_dependency_is_explained() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = "\n".join([setup["options"]["install_requires"], *setup["options.extras_require"].values()])
    named = set(re.findall(r"^\| `([\w-]+)`", (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"), re.M))
    assert {re.split(r"[<>=]", line)[0].strip() for line in wanted.split("\n") if line.strip()} == named
