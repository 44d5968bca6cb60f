"""From which cosine an embedder's vectors may say that two questions are one.

Measured for each embedder with pairs whose truth is known: the threshold lies above every look-alike. One that then
misses most true pairs, as averages of word vectors do ("my name", "your name": 0.985), has none.
"""

from __future__ import annotations

from collections.abc import Sequence

#: How far above the likest look-alike the threshold lies.
MARGIN = 0.005
#: No cosine reaches it.
NEVER = 2.0

LOOK_ALIKES: tuple[tuple[str, str], ...] = (
    ("How do I enable 2FA?", "How do I disable 2FA?"),
    ("What is my name?", "What is your name?"),
    ("How do I pay with a card?", "How do I pay without a card?"),
    ("How do I fly from Paris to London?", "How do I fly from London to Paris?"),
    ("What do I do before the interview?", "What do I do after the interview?"),
    ("What is the limit for 10 users?", "What is the limit for 100 users?"),
    ("Is the office open on January 5?", "Is the office open on January 6?"),
    ("Which plans include support?", "Which plans don't include support?"),
    ("How do I import contacts?", "How do I export contacts?"),
    ("What is the minimum age?", "What is the maximum age?"),
    ("如何开启双重验证？", "如何关闭双重验证？"),
    ("我的名字是什么？", "你的名字是什么？"),
    ("可以退款吗？", "不可以退款吗？"),
    ("从北京到上海怎么走？", "从上海到北京怎么走？"),
    ("第3步怎么做？", "第4步怎么做？"),
    ("怎么上传文件？", "怎么下载文件？"),
)
SAME: tuple[tuple[str, str], ...] = (
    ("How do I reset the password?", "How can I reset the password?"),
    ("How to open an account?", "How do I open an account?"),
    ("What is the refund policy?", "What is refund policy?"),
    ("How do I cancel the order?", "How can I cancel an order?"),
    ("怎么重置密码？", "如何重置密码？"),
    ("我要怎么开发票？", "怎么开发票？"),
)


def threshold(look_alikes: Sequence[float], same: Sequence[float]) -> float:
    """The threshold of an embedder whose pairs have these cosines; :data:`NEVER` when it parts too few of them."""
    least = max(look_alikes) + MARGIN
    return least if sum(cosine >= least for cosine in same) * 2 > len(same) else NEVER
