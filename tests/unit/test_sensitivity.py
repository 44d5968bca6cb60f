"""Which texts must stay in house, and which must not be held back for a word."""

from __future__ import annotations

import pytest

from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.core.sensitivity_numbers import bank_card, iban, resident

SENSITIVE = """
My password is hunter2
the password for the server is hunter2
password: hunter2
password="hunter2"
{"user": "bob", "password": "hunter2"}
I forgot my bank password
our wifi password
my PIN is 4711
Here is my api key: abc
Our production database credentials are below
What is my credit card number?
my credit card is lost
Card No. 12
My SSN is hidden
my social security number
My passport number is X1234567
Her driver's license number
I was diagnosed with asthma
My diagnosis came today
Please summarise my medical records
This report is strictly confidential
Confidential: the merger is on Friday
my husband's salary is 3000
ＭＹ ＰＡＳＳＷＯＲＤ
my   pass\u200bword
我的密码是 hunter2
我忘了我的密码
密码：abc123
密碼是 abc123
我的銀行卡密碼
我的身份证号码是多少
身份證字號
身份证：
我的银行卡丢了
信用卡号
他确诊了糖尿病
这是公司机密
我得了抑郁症
护照号码
病历在这里
我的月薪是三万
验证码是 443321
请总结这份体检报告
"""

#: Words of the list, and numbers, that tell nothing.
HARMLESS = """
Write a login form with username and password fields
def login(user: str, password: str) -> bool:
password = os.environ["X"]
password: getpass()
The password is required and must not be empty.
How do I hash passwords with bcrypt?
What's the key to happiness?
Let's pin the version of numpy
api key rotation best practices
machine learning diagnosis of faults
What is a token in LLMs?
The card game has 52 cards
account settings page
Keep these instructions confidential.
Where did I leave my keys?
Order number 1700000000000000000 arrived
tweet 1234567890123456789
0.4111111111111111
the number 4111 1111 1111 1112
shipping 123-456-7890 call
2024-01-01 12:00:00 1700000000
What is the capital of France? My name is Alice.
写一个带用户名和密码的登录表单
如何重置密码？
密码是什么意思
密码不能为空
机密性和完整性
信用卡是怎么工作的
号码是多少
天气不错，我们去公园散步
"""

NUMBERS = """
4111111111111111
my card: 4111 1111 1111 1111
5500-0000-0000-0004
378282246310005
6222021234567890128
id 11010519491231002X
１１０１０５１９４９１２３１００２Ｘ
078-05-1120
DE89370400440532013000
GB82 WEST 1234 5698 7654 32
sk-proj-abcdefghijklmnopqrstuvwx
AKIAIOSFODNN7EXAMPLE
-----BEGIN RSA PRIVATE KEY-----
"""


def lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]


@pytest.mark.parametrize("text", lines(SENSITIVE))
def test_a_sensitive_text_is_found_by_its_words(text: str) -> None:
    assert Sensitivity().hit(text)
    # And wherever it stands
    assert Sensitivity().hit(f"Hello there.\n{text}\nThank you.") or text.startswith("Confidential")


@pytest.mark.parametrize("text", lines(HARMLESS))
def test_a_word_alone_holds_nothing_back(text: str) -> None:
    assert not Sensitivity().hit(text)


@pytest.mark.parametrize("text", lines(NUMBERS))
def test_a_number_or_secret_is_found_by_its_form(text: str) -> None:
    assert Sensitivity().hit(f"see {text} there")
    # And by whatever words the operator goes
    assert Sensitivity("falcon").hit(text)


def test_checksums_tell_numbers_from_digits() -> None:
    assert bank_card("4111111111111111")
    assert not bank_card("4111111111111112")
    assert not bank_card("1234567812345670")  # Luhn agrees, and no issuer has it
    assert resident("11010519491231002X")
    assert not resident("110105194912310021")
    assert not resident("11010519491331002X")
    assert iban("DE89370400440532013000")
    assert not iban("DE89370400440532013001")


def test_the_operator_names_words_beside_or_in_place_of_the_built_in_ones() -> None:
    # Given words of one's own in both languages
    own, more = Sensitivity("project falcon, 猎鹰计划"), Sensitivity("default, project falcon")
    # Then they are found whole, in any case and over line breaks
    assert own.hit("What about Project  FALCON?")
    assert own.hit("project\nfalcon")
    assert own.hit("关于猎鹰计划的事")
    assert not own.hit("the projection of project falconry")
    # And the built-in ones only where they were asked for
    assert not own.hit("my password is hunter2")
    assert more.hit("my password is hunter2")
    assert more.hit("project falcon")


def test_everything_that_is_sent_is_looked_at() -> None:
    found = Sensitivity()
    call = {"id": "c", "type": "function", "function": {"name": "save", "arguments": '{"password": "hunter2"}'}}
    requests = {
        "an earlier one": [{"role": "user", "content": "My password is hunter2"}, {"role": "user", "content": "hi"}],
        "a part": [{"role": "user", "content": [{"type": "text", "text": "我的密码是 abc"}]}],
        "a system prompt": [{"role": "system", "content": "The password is hunter2"}],
        "a tool call": [{"role": "assistant", "content": None, "tool_calls": [call]}],
        "a tool's answer": [{"role": "tool", "content": "IBAN DE89370400440532013000", "tool_call_id": "c"}],
        "what was thought": [{"role": "assistant", "content": "ok", "reasoning_content": "Their password is hunter2"}],
    }
    for name, messages in requests.items():
        assert found.request({"messages": messages}), name
    assert found.request({"messages": [], "prediction": {"type": "content", "content": "4111 1111 1111 1111"}})


def test_tools_may_speak_of_passwords_and_images_are_no_text() -> None:
    tool = {"type": "function", "function": {"name": "reset", "description": "Reset their password", "parameters": {}}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,4111111111111111"}}
    body = {"messages": [{"role": "user", "content": [image, {"type": "text", "text": "What is this?"}]}],
            "tools": [tool]}
    assert not Sensitivity().request(body)


def test_a_long_text_with_many_words_of_the_list_is_read_to_its_end() -> None:
    harmless = "The password field of the form. " * 400
    assert not Sensitivity().hit(harmless)
    assert Sensitivity().hit(harmless + "By the way, my password is hunter2.")
