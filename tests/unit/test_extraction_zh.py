from __future__ import annotations

import pytest

from memoryos_tasks.core.extraction import claims


@pytest.mark.parametrize(
    "said",
    [
        "有钱的话，我就住在三亚。",
        "升职的话，我是总监。",
        "我婆婆换了个骨科医生，姓钱。",
        "我室友跟前女友分了，现在的女朋友叫佳佳。",
        "小时候家里养过一条土狗，叫大黄。",
    ],
)
def test_what_is_supposed_and_what_others_have_is_no_fact_of_the_user(said: str) -> None:
    assert not [claim for claim in claims(said) if claim.subject in ("user", "girlfriend", "dog")]
