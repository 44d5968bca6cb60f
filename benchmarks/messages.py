"""Messages of made-up people for the benchmarks: varied, English and Chinese, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

#: One message in this many is Chinese.
CHINESE_EVERY = 4

_WORDS = {
    "person": "Ava,Bruno,Carmen,Dmitri,Elena,Farid,Grace,Hiro,Ines,Jonas,Kemi,Lucia,Marek,Noor,Oskar,Petra,Quentin",
    "place": "Lisbon,Kyoto,Oslo,Lima,Nairobi,Ghent,Toronto,Leipzig,Cork,Bergen,Porto,Tampere,Graz,Dakar,Hobart,Quito",
    "food": "lentil soup,grilled mackerel,rye bread,mango salad,pumpkin risotto,miso noodles,blueberry pie,falafel",
    "thing": "bicycle,camera,laptop,violin,tent,kettle,printer,sewing machine,telescope,backpack,keyboard,bookshelf",
    "activity": "hiking,pottery,chess,rowing,birdwatching,climbing,painting,photography,gardening,swimming,baking",
    "topic": "budget,school play,release notes,insurance claim,garden fence,tax form,marathon plan,job interview",
    "feeling": "relieved,nervous,curious,tired,proud,worried,excited,calm,annoyed,hopeful,surprised,grateful",
    "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,tomorrow,next week,in March,after lunch",
    "verb": "repair,sell,borrow,clean,compare,return,photograph,pack,paint,replace,order,measure,carry,lend",
    "人": "小林,阿梅,陈明,李华,王芳,老周,小赵,孙丽,阿强,佳佳",
    "地": "杭州,成都,青岛,昆明,大理,厦门,西安,长沙,苏州,桂林",
    "物": "自行车,相机,电脑,小提琴,帐篷,水壶,望远镜,背包,键盘,书架",
    "事": "爬山,下棋,画画,摄影,游泳,做饭,跑步,养花,读小说,打羽毛球",
    "时": "周一,周末,明天,下个月,今天下午,昨天晚上,春节前,中午以后",
    "情": "很开心,有点累,非常紧张,挺意外的,特别满意,不太放心",
}  # fmt: skip
_ENGLISH = (
    "{person} and I went {activity} near {place} last weekend, and I came home {feeling}.",
    "Could you remind me to {verb} the {thing} before {day}?",
    "We talked about the {topic} for an hour; {person} thinks that {number} euros would be enough.",
    "I tried {food} at a small restaurant in {place}. It was better than the {food} that my aunt makes!",
    "My {thing} broke again, so I have to {verb} it {day} or ask {person} to {verb} it for me.",
    "I live in {place} now and I really enjoy {activity}.",
    "What would be a good present for {person}? Something for {activity}, or maybe a {thing}.",
    "The train to {place} was {number} minutes late. I felt {feeling}, but the view was lovely and I read a lot.",
    "Sure, here is a plan for the {topic}: first {verb} the {thing}, then call {person}, then rest until {day}.",
    "That sounds great! {activity} in {place} is popular {day}; {number} people have signed up so far.",
    "I don't like {food}, but {person} does, and we usually meet {day} to cook and talk about the {topic}.",
    "My sister {person} works as a teacher in {place} and has {number} pupils in her class.",
)
_CHINESE = (
    "我{时}和{人}去{地}{事}了，感觉{情}。",
    "你能提醒我{时}把{物}修好吗？{人}已经问过{number}次了。",
    "我现在住在{地}，平时喜欢{事}。",
    "{人}买了一个新的{物}，花了{number}块钱，{情}。",
    "好的，{时}我们先去{地}，然后再安排{事}，记得带上{物}。",
    "我最近在学{事}，老师是{人}，{情}。",
)


def messages(seed: int, *, chinese_every: int = CHINESE_EVERY) -> Iterator[str]:
    """Messages without end, of about 20 words each."""
    chosen = random.Random(seed)
    words = {kind: row.split(",") for kind, row in _WORDS.items()}
    at = 0
    while True:
        at += 1
        patterns = _CHINESE if at % chinese_every == 0 else _ENGLISH
        yield chosen.choice(patterns).format_map(_Picks(words, chosen))


class _Picks(dict[str, str]):
    """Picks a word each time that one is asked for."""

    def __init__(self, words: dict[str, list[str]], chosen: random.Random) -> None:
        super().__init__()
        self._words, self._chosen = words, chosen

    def __missing__(self, kind: str) -> str:
        if kind == "number":
            return str(self._chosen.randrange(2, 400))
        return self._chosen.choice(self._words[kind])
