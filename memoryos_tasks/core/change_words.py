"""Words by which people tell that something about them has changed, and those that tell that it has not."""

from __future__ import annotations

from memoryos_tasks.core.cue import Cue

#: What tells a change.
CHANGE = Cue(
    r"""
    no longer | any ?more | these days | nowadays | instead | instead of | rather than | from now on | as of
    for good
    switch(?:ed|ing) | swapp?ed | changed | moved? | moving | relocated | settled | resettled | ended up
    (?<!how it )turns? out | turned out | scratch that | correction | i meant | mixed up | got (?:that|it) wrong
    mis(?:spoke|typed|remembered) | upgraded | replaced | traded | got rid of | sold | quit
    left (?:my|the) (?:job|company|firm|team|bank|hospital|school) | left [a-z]\w+ (?:for|and)
    (?:gave|given?) (?:\w+ )?up | dropped | stopped | ditched | cancell?ed | pushed | postponed | rescheduled | bumped
    shifted | shuffled | landed | brought forward | promot(?:ed|ion) | becom\w+ | became | officially | renamed
    retrained
    gone (?:right )?off | went off | over it | down to | up to | top spot | caved | in the end | handed over
    took over | voted me
    vetoed | retir(?:ed|ing) | hired | joined | poached | transferred | converted | fizzled | broke up
    new favou?rite
    now (?:it'?s|i|we|my|he|she) | now (?:live|work|use|drive|drink|eat|play|go)\w*
    (?:it'?s|i'?m|we'?re|is|are|live|work|use|drive|drink|eat|play|go) (?:[\w'-]+ ){0,5}now
    (?:gone|went) to (?:live|work) | packed up | new place | got the keys | signed (?:a|the|my) lease
    signed with | started there | has left | i'?ve left
    handed in my (?:badge|notice) | opened (?:a|his|her|my) | fed up | sick of | tired of | done with
    changed my mind
    (?:moved|relocated|transferred|put|switched) (?:me|us) | tastes? (?:have|has) | enrolled
    from (?:here|this \w+) on
    starting (?:this|next|in|on) | started (?:at|with|as|\w+ grade) | was never | every time now | only thing i
    gave all | closed down | came through | wrecked | lessons | hooked | update | (?:have|got|'ve got) until
    since (?:the|last|this|\d|monday|january|march|april|june|september|october)[^,.]{0,24} (?:i|we)(?:'ve| have) been
    went (?:vegan|vegetarian|pescatarian|keto|back) | not .{3,30} but
    """,
    r"""
    不再 | 不(?![下完动起到掉住]).{0,6}了 | 没再 | 改 | 换[成了到]?
    换.{0,8}(?:房|家|地方|工作|车|手机)
    搬 | 迁 | 定居 | 退租 | 退了 | 接到 | 接走 | 全家去了 | 跳槽 | 辞 | 离开 | 离职 | 后来 | 变成 | 变了
    转[投行到成去] | 转岗
    挪 | 推迟 | 延后 | 往后延 | 提前 | 取消 | 其实是 | 真正 | 说错 | 打错 | 记错 | 弄错 | 搞错 | 更正 | 纠正
    不对 | 而是
    升到 | 升为 | 升了 | 升成 | 提成 | 当上 | 让我当 | 应聘上 | 考上 | 调去 | 请去 | 出师 | 退伍 | 毕业 | 退休
    报到 | 入职 | 归.{2,6}管
    戒 | 卖了 | 卖掉 | 送人 | 报废 | 淘汰 | 放下 | 加到 | 减到 | 降到 | 涨到 | 到期 | 停了 | 停掉 | 转了学 | 关门
    倒闭 | 盘出
    开了家 | 开起 | 学起
    主意 | 定的是 | 最后定 | 如今 | 彻底 | 领证 | 离婚 | 分手 | 已婚 | 排第一 | 从今 | 从此 | 告别 | 从.{1,6}起
    以后都 | 以后.{0,8}[就都住改]
    口味变 | [看吃喝玩]?腻了 | 只[追看听吃喝用] | 旧号 | 找到了?.{0,4}(?:工作|房子)
    拿到了?.{0,8}(?:名额|offer)
    """,
)
#: What stands beside a change, and in other talk too.
LATELY = Cue(
    r"""
    now | new | lately | currently | finally | already | just | since | this (?:week|month|monday) | until | till
    got
    from (?:monday|tuesday|wednesday|thursday|friday) | bought | found | started | starting | gets? | actually | wait
    """,
    "现在 | 最近 | 目前 | 新 | 已经 | 刚 | 终于 | 这学期 | 这[周个] | 了",
)
#: What was so once, or is so for a while or on trial, and so replaces nothing.
PASSING = Cue(
    r"""
    just (?:this|the) once | just the one | only once | for once | one[- ]off | on leave | locum | fill(?:ed|ing) in
    stand[- ]in | while (?:i was|we were|(?:on|in|at) |travell?ing|away) | on (?:holiday|vacation) | travell?ing
    used to | back (?:then|when|in) | when i was | as a (?:kid|child|student) | in (?:college|university|high school)
    before that | temporar\w+ | borrowed | rental | tried (?:on|out) | nearly | almost | thinking (?:of|about)
    thought about | never (?:even )?started | wasn't for me | free (?:day )?pass | (?:free )?trial
    for (?:a|one) (?:day|week)
    for now | want(?:s|ed)? to | would (?:like|love) to | i'd (?:like|love) | hop(?:e|ing) to
    plan(?:ning)? (?:to|on)
    one day | some ?day | might | maybe | considering | was going to | planned to
    """,
    "出差 | 旅行 | 旅游 | 度假 | 之前.{0,4}过 | 那会儿 | 那时 | 小时候 | 以前 | 当年 | 从前 | 大学时 | 上学时 | 一次"
    " | 临时 | 借 | 租了一?[辆台] | 试[了穿] | 差点 | 考虑 | 也许 | 可能"
    " | 本来想 | 打算 | 计划(?!赶|有变|变) | 想过 | 想[搬换去买学]",
)
#: What was so on one day.
TODAY = Cue(
    r"""
    today | tonight | yesterday | this (?:morning|afternoon|evening) | last night | the other day | once
    on (?:mon|tues|wednes|thurs|fri|satur|sun)day
    """,
    "今天 | 今早 | 今晚 | 昨天 | 昨晚 | 前天 | 那天 | 这次 | [上这]?(?:周|星期)[一二三四五六日末天](?!开始|起)",
)
#: What lasts although it happened on a day.
LASTS = Cue("bought | signed | picked up | adopted | got (?:a|an|the|my)", "提了 | 买了 | 签了 | 领了")
#: What puts right what was said.
CORRECTS = Cue(
    r"""
    i meant | mixed (?:it |that |them )?up | mix it up | got (?:that|it|them) wrong
    (?:got|had|gave|told|said|was|am|were|the|all|calling|is) (?:\w+ ){0,3}wrong | (?:my|a|by) mistake | mistaken
    mis(?:spoke|typed|remembered|read|told) | correct(?:ion|ing)? (?:myself|that|what) | correction | i was off
    scratch that | sorry,? (?:i|it|it's|that's|that was|my|the|not|make) | (?<!how it )turns out | typo | it was never
    isn't actually | actually (?:a|an|the|it|in|on) | just corrected me | autocorrect | double[- ]checked
    """,
    "说错 | 打错 | 记错 | 看错 | 弄错 | 搞错 | 写错 | 搞混 | 记混 | 弄混 | 更正 | 纠正 | 口误 | 不准"
    " | (?<!对)不对(?!劲) | 原来(?:是|我) | 其实(?:是|我(?:是|在|住|叫|姓|不))"
    " | 才发现 | 才知道 | 应该是 | 误会 | 看串 | 记串 | 验了一下 | 查了一下 | 为准 | 记岔",
)
#: What tells somebody's name.
NAMES = Cue(
    "names? | call(?:ed|ing)? | named | it's | it is | is now | i'm with | report | dating | seeing | married"
    " | dr | mr | mrs | ms",
    "叫 | 名 | 姓 | 换成 | 归",
)
#: What stands beside what was there before.
MORE = Cue(
    "also | as well | another | besides | in addition | both | too(?=[,.!]|$)",
    "也(?=过敏|在|是|有|喜欢|学|养|用|开|对|改了) | 还有 | 另外 | 又(?=学|养|买|有|报|多) | 除了",
)
#: What points back at what was told: "cancelled that membership", 那家店.
POINTS = Cue(
    "that (?:one|idea|plan|name|habit|stuff|thing) | the old (?:one|place) | those ones | changed my mind",
    "那[个家门种款边件份台辆只] | 之前 | 原来 | 以前的 | 旧 | 改.{0,2}主意 | 主意变",
)
#: What is so by now.
NOW = Cue(
    "now | these days | nowadays | from now on | lately | at the moment | i'm",
    "现在 | 如今 | 目前 | 以后 | 眼下 | 这阵子",
)
#: What is the author's so much that it changes only with them.
TASTE = Cue("tastes? | mind | habits? | diet | preferences?", "口味 | 主意 | 兴趣 | 习惯 | 作息")
#: What ends without a word of what begins, and what begins.
STOPS = Cue(
    r"""
    no longer | any ?more | stopped | quit | (?:gave|given?) (?:\w+ )?up | dropped | cancell?ed | done with | upgraded
    renamed
    """,
    "不再 | 不(?![下完动起到掉住]).{0,6}了 | 戒 | 停了 | 退了 | 取消 | 卖了",
)
BEGINS = Cue(
    r"""
    now | these days | nowadays | instead | switch\w* | swapp?ed | mov(?:ed|ing) | became | becom\w+ | joined | hired
    started | ended up | from now on | as of | i'm | it's | it is | took
    """,
    "现在 | 如今 | 目前 | 改 | 换 | 搬 | 转 | 变 | 以后 | 跳槽 | 入职 | 当上 | 升 | 只[追看听吃喝用]",
)
