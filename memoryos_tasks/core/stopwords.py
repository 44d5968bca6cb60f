"""Words that say how a sentence is built rather than what it is about."""

from __future__ import annotations

import re

_ENGLISH = """
    a an the and or but if nor of at by for with about to from in on off over into onto than as so too very
    is are was were be been being am do does did doing done have has had having
    i me my mine myself we us our ours ourselves you your yours yourself
    he him his himself she her hers herself it its itself they them their theirs themselves
    this that these those there here what which who whom whose when where why how
    can could will would should shall may might must just not no up out then also
    i'm i've i'd i'll you're you've you'd you'll he's she's it's we're we've we'd we'll they're they've
    they'd they'll that's there's what's who's where's when's how's let's isn't aren't wasn't weren't don't
    doesn't didn't haven't hasn't hadn't can't couldn't won't wouldn't shouldn't mustn't cannot
    s t d ll m re ve
"""
_CHINESE = (
    "的地得了着过吗呢吧啊呀哦嗯嘛么是在有和与及或也都就还很太这那哪个们我你您他她它什怎谁之其把被给对从到为而且但则"
)

#: English function words in lower case, contractions included; whole words, compared before stemming.
ENGLISH = frozenset(_ENGLISH.split())

#: Chinese function characters; a pair of characters is left out when both are here.
CHINESE = frozenset(_CHINESE)

#: Chinese words that make a question of a statement and say nothing of what is asked about.
ASKING = re.compile(
    "为什么|什么时候|什么|多少(?!钱)|哪里|哪儿|哪[个些家种项款天年位场本首座只]|哪|怎么样|怎么|怎样|如何|几[岁个点]|谁|时候|"
    "有没有|是不是|能不能|会不会|是否|请问|告诉我|记得|问题|事情|东西|情况|发生|我们|你们|他们|她们"
)

#: Chinese characters of so many words and phrases that alone they tell a text from another no more than the above.
FREQUENT = CHINESE | frozenset(
    "不没要会能想来去上下出做让叫说看好大小多少又再才只最更该可以已经一二三两几十百些点里外前后时候事样种今明昨天年月日号"
    "人家个件次回开打用成过受为换当遭花买名题发生现原同起自己所等因如此关于请问知道觉"
)
