from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from memoryos_tasks.core.text import (
    content_words,
    document_weights,
    keywords,
    query_weights,
    sentences,
    term_id,
    terms,
)


def test_english_terms_are_stemmed_and_without_function_words() -> None:
    assert terms("She's painting the Paintings, isn't she?") == ["paint", "paint"]


def test_possessives_share_the_term_of_their_noun() -> None:
    assert terms("Melanie's kids") == terms("Melanie’s kid")


def test_chinese_gives_characters_and_pairs_but_no_pair_of_function_characters() -> None:
    assert terms("我的猫咪") == ["猫", "咪", "的猫", "猫咪"]


def test_mixed_text_is_split_where_the_script_changes() -> None:
    found = terms("我在Google工作, full-width ＡＷＳ")
    assert {"googl", "工作", "aw"} <= set(found)


@pytest.mark.parametrize("text", ["", "   ", "the of and", "的了吗", "!?…", "🙂"])
def test_text_without_content_has_no_terms(text: str) -> None:
    assert terms(text) == []
    assert query_weights(text) == {}


def test_term_ids_are_stable_unsigned_32_bit_numbers_that_depend_on_the_key() -> None:
    assert term_id("paint") == term_id("paint")
    assert 0 <= term_id("工作", b"secret") < 2**32
    assert term_id("paint", b"secret") != term_id("paint") != term_id("paint", b"other")


def test_document_weights_saturate_and_discount_length() -> None:
    # Given the same term once, twice, and once in a long text
    paint = term_id("paint")
    once = document_weights({"paint": 1}, average=10)[paint]
    twice = document_weights({"paint": 2}, average=10)[paint]
    buried = document_weights({"paint": 1, "x": 40}, average=10)[paint]
    # Then more is better, but less than twice as good, and a long text dilutes it
    assert once < twice < 2 * once
    assert buried < once


def test_sentences_of_both_languages() -> None:
    text = "I paid 3.50 for it. Really?! Yes\n我叫小明。我在上海工作！"
    assert sentences(text) == ["I paid 3.50 for it.", "Really?!", "Yes", "我叫小明。", "我在上海工作！"]


def test_content_words_keep_order_and_case() -> None:
    assert content_words("What did Caroline's friends paint in 上海?") == ["Caroline", "friends", "paint", "上海"]


def test_keywords_are_the_frequent_words_in_readable_form() -> None:
    assert keywords("Painting, painted; paint a sunset", limit=2) == ("painting", "sunset")
    assert keywords("喜欢爬山，爬山很好", limit=1) == ("爬山",)


def test_many_threads_stem_alike() -> None:
    words = [f"running{suffix}" for suffix in ("", "s", "ly")] + ["painting", "relational", "happiness"] * 50
    expected = [terms(word) for word in words]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terms, words * 4)) == expected * 4
