"""What looks hard: long requests, and code."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.complexity import has_code, tokens

CODE = [
    "Fix this:\n```python\nprint(1)\n```",
    "def f(x):\n    return x",
    "why does this fail?\nimport numpy as np\nfrom os import path",
    "class Dog(Animal):\n    pass",
    "#include <stdio.h>",
    "public static void main(String[] args) {",
    "const x = 5;",
    "function add(a, b) { return a + b }",
    "SELECT name FROM users WHERE id = 1",
    "请解释：\nfunc main() {\n\tfmt.Println(1)\n}",
    "Traceback (most recent call last):\n  File",
    "<div>\n  <p>hi</p>\n</div>",
]

PROSE = [
    "What is the capital of France?",
    "I import goods from China; do I pay tax?",
    "Let us select a day from next week.",
    "The class of 1999 meets on Friday.",
    "今天天气怎么样？",
    "我从中国进口商品，需要缴税吗？",
    "The function of the heart is to pump blood.",
    "Please update me when you return.",
    "5 < 6 and 7 > 3",
]


@pytest.mark.parametrize("text", CODE)
def test_code_is_seen(text: str) -> None:
    assert has_code([{"role": "user", "content": text}])


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_no_code(text: str) -> None:
    assert not has_code([{"role": "user", "content": text}])


def test_only_what_is_asked_now_counts_as_code() -> None:
    earlier = {"role": "user", "content": CODE[0]}
    asked = {"role": "user", "content": [{"type": "text", "text": "Thanks! And the weather?"}]}
    assert not has_code([earlier, {"role": "assistant", "content": CODE[0]}, asked])
    assert not has_code([])


def test_tokens_are_those_of_all_messages_in_both_languages() -> None:
    said = [{"role": "system", "content": "a" * 40}, {"role": "user", "content": [{"type": "text", "text": "你好吗"}]}]
    assert tokens(said) == 10 + 3
