from __future__ import annotations

import pytest

from memoryos_tasks.core.cue import Cue

CUE = Cue("no longer | switch(?:ed|ing)\nended up", "不再 | 换[成了]")


@pytest.mark.parametrize("text", ["I NO LONGER smoke", "we switched.", "Ended up in Rome", "我换成了茶", "不再抽烟"])
def test_words_of_either_language_are_found(text: str) -> None:
    assert CUE.found(text)


@pytest.mark.parametrize("text", ["", "no longerish", "the switcher", "friended upwards", "交换学生"])
def test_parts_of_other_words_are_not(text: str) -> None:
    assert not CUE.found(text)
