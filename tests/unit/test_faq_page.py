"""FAQs as documents."""

from __future__ import annotations

from xml.etree import ElementTree

from memoryos_tasks.core.faq_page import Page

PAGE = Page(
    "FAQ (acme)",
    (
        ("How do I reset\nthe password?", "Press **Reset**.\n\n- then the mail\n- then the link"),
        ("怎么重置密码？", "点击“重置” <b>现在</b> & 等\x00待。"),
    ),
)


def test_markdown_has_a_section_for_each_question() -> None:
    text = PAGE.markdown()
    assert text.startswith("# FAQ (acme)\n\n## How do I reset the password?\n\nPress **Reset**.\n\n- then the mail")
    assert "\n## 怎么重置密码？\n\n点击" in text
    assert text.endswith("\n")


def test_the_storage_format_is_xml_and_takes_no_markup_from_an_answer() -> None:
    root = ElementTree.fromstring(f"<page>{PAGE.storage()}</page>")
    assert [each.text for each in root.findall("h2")] == ["How do I reset\nthe password?", "怎么重置密码？"]
    assert root.find(".//b") is None
    assert "".join(root.findall("p")[-1].itertext()) == "点击“重置” <b>现在</b> & 等待。"
    assert len(root.findall("p")[1].findall("br")) == 1


def test_no_faqs_make_a_page_too() -> None:
    assert Page("FAQ", ()).markdown() == "# FAQ\n"
    ElementTree.fromstring(f"<page>{Page('FAQ', ()).storage()}</page>")
