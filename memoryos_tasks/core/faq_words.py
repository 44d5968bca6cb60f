"""Words and phrases that do not change what a question asks, and those that make it anything but common."""

from __future__ import annotations

import re

from memoryos_tasks.core.words import word_set

#: Texts about wording itself ("how do you say thank you", 请问用英语怎么说): in them no word is mere politeness.
ABOUT_WORDS = re.compile(
    r"\b(?:say|says|said|saying|spell|spelling|pronounce|translat\w*|mean|means|meaning|write|word|words|phrase|lyrics"
    r"|rhymes?|synonyms?|english|french|chinese|japanese|german|spanish)\b|说|表达|回复|写|读作|念|意思|翻译|词|英文|英语|中文|日语|歌",
    re.IGNORECASE,
)

_WH = r"(?=(?:how|what|where|when|who|whom|whose|which|why|whether|if)\b)"
_ASK_FOR = (
    rf"(?:could|can|would|will) you (?:please |kindly )?(?:tell|show|explain to|inform) me {_WH}"
    rf"|(?:please |kindly )?(?:tell|show) me {_WH}"
    rf"|(?:i would|i'd) like to (?:know|ask) {_WH}|i (?:want|need) to know {_WH}|(?:may|can|could) i ask {_WH}"
    rf"|i (?:wonder|was wondering|am wondering) {_WH}"
)
#: To ask, and not the first half of 问题, 问候, 问路.
_ASK_ZH = "问(?![题候路卷])(?:一下|下)?"
#: What stands before a question out of politeness; stripped as often as it is found.
LEADING = re.compile(
    r"\s*(?:(?:hello|hi|hey|greetings|good (?:morning|afternoon|evening))(?: there)?(?: all| everyone)?\s*[,.!]+\s*"
    r"|(?:excuse me|sorry|quick question|question)\s*[,:.!]+\s*"
    r"|(?:please|pls|plz|kindly)[, ]+(?!(?:please|me|us|in|is|as|are|was|and|or|vs|versus|for|to)\b)"
    rf"|{_ASK_FOR}"
    r"|(?:你好|您好|嗨|哈[喽啰]|大家好|早上好|下午好|晚上好)(?:啊|呀)?\s*[,.!。、~]+\s*|(?:你好|您好)(?=请问|我?想问|麻烦)"
    r"|请问(?![候路])(?:一下|下)?\s*[,:]?\s*"
    rf"|(?:麻烦|劳驾)(?:(?:[你您](?![的们会是了])(?:{_ASK_ZH}|告诉我)?|{_ASK_ZH}|告诉我)(?:一下)?\s*[,:]?|\s*[,:])\s*"
    rf"|(?:我想请?(?:{_ASK_ZH}|知道|了解)(?:一下|下)?|想请?(?:问|知道|了解)一?下)\s*[,:]?\s*"
    r"|请[你您]?告诉我(?![们的])(?:一下)?\s*[,:]?\s*)"
)
#: What stands behind it, set off by a mark; "please" also by itself, where it is no verb.
TRAILING = re.compile(
    r"(?:(?:[,.!?。]\s*(?:please|pls|plz|kindly|thanks|thank you|thx|many thanks)"
    r"|(?<!\bto)(?<!\byou)(?<!\bi)(?<!\bwe)(?<!\bthey)(?<!\band)(?<!\bor)(?<!\bnot) (?:please|pls|plz))"
    r"(?: (?:very|so) much| a lot| in advance)?"
    r"|(?:[,.!?。 ]+(?:谢谢|多谢)|[,.!?。]\s*感谢)(?:你|您|啦|了)?)[\s.!?。~]*$"
)

#: Contractions by what they stand for; forms without the apostrophe only where they are no other word.
CONTRACTIONS = {
    "i'm": "i am", "i've": "i have", "i'll": "i will", "you're": "you are", "you've": "you have", "you'll": "you will",
    "we're": "we are", "we've": "we have", "we'll": "we will", "they're": "they are", "they've": "they have",
    "they'll": "they will", "he's": "he is", "she's": "she is", "it's": "it is", "it'll": "it will",
    "that's": "that is", "there's": "there is", "here's": "here is", "what's": "what is", "whats": "what is",
    "who's": "who is", "where's": "where is", "wheres": "where is", "when's": "when is", "how's": "how is",
    "hows": "how is", "why's": "why is", "what're": "what are", "let's": "let us", "isn't": "is not", "isnt": "is not",
    "aren't": "are not", "arent": "are not", "wasn't": "was not", "wasnt": "was not", "weren't": "were not",
    "don't": "do not", "dont": "do not", "doesn't": "does not", "doesnt": "does not", "didn't": "did not",
    "didnt": "did not", "haven't": "have not", "hasn't": "has not", "hadn't": "had not", "can't": "can not",
    "cannot": "can not", "couldn't": "could not", "won't": "will not", "wouldn't": "would not",
    "shouldn't": "should not", "mustn't": "must not",
}  # fmt: skip

#: English words before which a lone "a" is an article and not a name (as in "vitamin a").
BEFORE_ARTICLE = word_set(
    "is are was were be do does did have has get got make take use find start open create cancel reset change set want "
    "need to of in on at by for with from as into about through than or and not if buy order book build write "
    "delete add remove edit send return file"
)

#: English and Chinese words for who asks.
FIRST = word_set("i me my mine myself we us our ours ourselves")
FIRST_ZH = re.compile("我|咱|俺|本人")
#: "How do I …" asks for everybody: the same question as "how to …", and not about its asker.
GENERIC = re.compile(r"^(?:how (?:do|can|could|would|should) i|how (?:does|do|can) one|how to)(?= )")
GENERIC_ZH = re.compile(
    r"^(?:我(?:要|可以|能|该|应该)?)?(?:怎么|怎样|如何)(?:才能|可以|能)?(?=[^\s了样办会是没不这那在说看])"
)
#: Other leads in which "I" or 我 is anybody.
ANYBODY = re.compile(
    r"^(?:(?:where|when|can|may|could|should|must|do) (?:can |do |should )?i(?= )|我(?:可以|能|能不能)(?!.*我))"
)

#: What refers to something said before: such a question does not stand alone.
DANGLING = re.compile(
    r"(?<!\^)\b(?:it|its|this|these|those|that|they|them|their|theirs|he|him|his|she|her|hers|there|above|below"
    r"|previous|earlier|again|instead|else|another|(?:the )?other|the same|former|latter|aforementioned)\b"
    r"|它|他(?!们?命)|她|这|那(?!么多)|此(?!外)|上面|上述|刚才|刚刚|前面|前者|后者|其他|其它|另外|其余|还有|继续|再(?!见|生)",
)
#: Words that only look as if they referred to something.
EXPLETIVE = re.compile(
    r"\b(?:is|are|was|were|will) there\b|\bdoes it (?:take|cost) (?=to\b|for\b)"
    r"|\bis it (?:possible|safe|legal|necessary|allowed|free|ok|okay) (?=to\b|for\b)|彼此|如此|因此"
)
#: Words that go on with a talk, at the start of a text.
GOING_ON = re.compile(
    r"^(?:and|but|so|then|also|or|because|what about|how about|why not|yes|no|ok|okay|sure|thanks|thank|right|well|good"
    r"|great|cool|nice|yeah|yep|nope|continue|go on|next|more|really)\b"
    r"|^(?:好|是的|是啊|不是|不对|对的|对[,，]|嗯|行|谢谢|然后|那么|所以|但是|不过|可是|而且|为什么$|怎么办$|真的吗)"
)
#: What has another answer on another day.
FLEETING = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|nowadays|currently?|latest|newest|recent(?:ly)?|ago|so far|yet"
    r"|(?:last|next|this) (?:week|month|year|night|time|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
    r"|time is|what time|what day|what date|weather|forecast|news|stock price|exchange rate|score)\b"
    r"|今[天晚早日年]|明[天早晚日年]|昨[天晚日]|后天|前天|去年|现在|目前|当前|如今|最新|最近|近期|刚[刚才]|[上下这本]个?[周月]"
    r"|几点|几号|星期几|天气|气温|新闻|股价|汇率|比分",
)
#: What belongs to one person: addresses, numbers of orders and accounts.
OWN = re.compile(r"\S@\S|\d{6,}|(?:\d[ -]?){9,}|\b(?:password|passcode|pin) (?:is|was)\b|密码是")
