"""English words that the extraction rules know: relations, languages, demonyms, trades, and what is none of them."""

from __future__ import annotations

import re

from memoryos_tasks.core.words import word_set

#: People and animals whose facts we keep, as an alternation. Plurals of one word only where people say "my X is".
RELATIONS = (
    "sister|brother|mother|mom|mum|father|dad|wife|husband|partner|spouse|fiancee?|fiancé|girlfriend|boyfriend|son"
    "|daughter|child|kid|baby|grandmother|grandma|grandfather|grandpa|aunt|uncle|cousin|niece|nephew|twin|friend"
    "|roommate|flatmate|neighbou?r|boss|manager|colleague|coworker|co-worker|teammate|mentor|teacher|doctor|dentist"
    "|landlord|dog|cat|puppy|kitten|parrot|hamster|rabbit|horse|fish|turtle|bird|pet|mother-in-law|father-in-law"
    "|sister-in-law|brother-in-law|ex"
)
#: One word for the several that mean one relation.
SAME_RELATION = {
    "mom": "mother", "mum": "mother", "dad": "father", "grandma": "grandmother", "grandpa": "grandfather",
    "manager": "boss",
    "puppy": "dog", "kitten": "cat", "flatmate": "roommate", "coworker": "colleague", "co-worker": "colleague",
    "neighbour": "neighbor", "fiancee": "fiance", "fiancé": "fiance",
}  # fmt: skip
#: Kinds of animals that people name instead of the animal.
BREEDS = {
    breed: animal
    for animal, breeds in {
        "dog": "labrador retriever poodle beagle husky bulldog corgi dachshund terrier spaniel shepherd collie pug"
        " chihuahua greyhound doodle goldendoodle labradoodle",
        "cat": "tabby siamese ragdoll persian",
    }.items()
    for breed in breeds.split()
}
PETS = (
    "(?:golden |german |border |cocker |french |english |maine )?(?:" + "|".join(BREEDS) + r")s?|"
    "dogs?|cats?|pupp(?:y|ies)|kittens?|parrots?|hamsters?|rabbits?|bunn(?:y|ies)|horses?|turtles?|tortoises?|birds?"
    "|snakes?|lizards?|goldfish|fish|guinea pigs?|ferrets?|chickens?|cockatiels?|budgies?"
)
FAMILY = "brothers?|sisters?|sons?|daughters?|kids?|child|children|siblings?|twins|grandchild(?:ren)?|grandkids?"
THINGS = (
    "flight|train|bus|appointment|meeting|interview|wedding|wedding anniversary|anniversary|exam|test|car|phone"
    "|laptop"
    "|bike|hotel|deadline|surgery|graduation|vacation|trip|project|final|presentation|defense|move"
)
PERSONAL = (
    "height|weight|blood type|email|email address|phone number|shoe size|time ?zone|star sign|zodiac sign|pronouns"
)
#: Two names of one thing of the user's.
SAME_THING = {"email address": "email", "home address": "address", "username": "user name"}

LANGUAGES = word_set(
    "english french german spanish italian portuguese dutch swedish norwegian danish finnish icelandic polish czech"
    " slovak hungarian romanian bulgarian greek turkish russian ukrainian arabic hebrew persian farsi hindi urdu"
    " bengali"
    " punjabi tamil telugu marathi gujarati thai vietnamese indonesian malay tagalog filipino japanese korean chinese"
    " mandarin cantonese swahili amharic yoruba igbo hausa zulu afrikaans catalan basque irish welsh latin esperanto"
    " serbian croatian slovenian albanian lithuanian latvian estonian mongolian nepali khmer lao burmese"
)
DEMONYMS = word_set(
    "american british english scottish welsh irish french german spanish italian portuguese dutch belgian swiss"
    " austrian"
    " swedish norwegian danish finnish icelandic polish czech slovak hungarian romanian bulgarian greek turkish"
    " russian"
    " ukrainian israeli iranian iraqi egyptian moroccan tunisian algerian lebanese syrian indian pakistani"
    " bangladeshi"
    " thai vietnamese indonesian malaysian filipino japanese korean chinese taiwanese singaporean kenyan ethiopian"
    " nigerian ghanaian mexican brazilian argentinian argentine chilean colombian peruvian venezuelan cuban canadian"
    " australian serbian croatian slovenian albanian lithuanian latvian estonian mongolian nepali"
)
DIETS = (
    "vegetarian|vegan|pescatarian|flexitarian|keto|ketogenic|paleo|kosher|halal|gluten[- ]free|dairy[- ]free"
    "|low[- ]carb"
    "|plant[- ]based|mediterranean"
)
ILLNESSES = (
    "asthma|(?:type [12] )?diabetes|celiac disease|epilepsy|migraines|adhd|autism|arthritis|insomnia|hypertension"
    "|high blood pressure|hay fever|eczema|anemia|depression|anxiety"
)

_TRADES = word_set(
    "doctor nurse chef cook pilot student lawyer attorney surgeon dentist architect accountant scientist artist"
    " analyst"
    " journalist barista consultant assistant secretary librarian musician technician electrician politician"
    " physician"
    " intern paramedic vet veterinarian professor clerk judge monk priest nun pastor coach guide model mechanic"
    " developer"
    " engineer programmer teacher writer designer manager director founder co-founder cofounder ceo cto cfo coo vp"
    " president executive officer administrator sysadmin researcher economist mathematician statistician chemist"
    " biologist physicist historian philosopher astronaut soldier firefighter policeman policewoman fireman cop"
    " detective spy salesman saleswoman salesperson freelancer contractor carpenter plumber painter tailor baker"
    " butcher"
    " farmer gardener florist driver postman courier waiter waitress bartender cashier actor actress singer dancer dj"
    " producer editor translator interpreter photographer videographer filmmaker poet novelist author comedian"
    " athlete"
    " footballer trainer therapist psychologist psychiatrist counselor nanny babysitter caregiver housewife homemaker"
    " entrepreneur investor banker trader broker realtor strategist marketer recruiter lecturer tutor principal"
    " postdoc resident pharmacist optometrist radiologist cardiologist midwife specialist planner sailor"
    " fisherman miner"
    " welder machinist operator dispatcher inspector auditor actuary paralegal podcaster youtuber blogger streamer"
    " copywriter geologist astronomer archaeologist anthropologist sociologist linguist biochemist geneticist"
    " ecologist"
    " neuroscientist pianist violinist guitarist drummer cellist composer conductor sculptor illustrator"
    " animator jeweler"
    " hairdresser barber beautician stylist receptionist concierge janitor cleaner retiree pensioner bookkeeper"
)
_TRADE_ENDING = re.compile(
    r"(?:ologist|ographer|ician|keeper|(?:black|gold|silver|lock)smith|maker|engineer"
    r"|scientist|officer|worker|tech)$"
)
#: Words that look like trades and are none.
_NO_TRADE = word_set("lovemaker trouble-maker troublemaker hard-worker")

#: What "I am X" says when X is no name: states, places, nouns of the day.
_NO_NAME = word_set(
    "sorry tired here there back home fine good great ok okay happy sad angry hungry thirsty sick ill busy free ready"
    " done lost confused curious bored excited nervous afraid scared sure glad late early new old young alone"
    " available"
    " married single divorced engaged pregnant blind deaf human male female gay straight christian muslim jewish"
    " hindu"
    " buddhist catholic atheist vegan vegetarian trying looking going working not very so too really just also still"
    " currently now in at on from with the a an my your his her is are it that this what who one able about"
    " afraid all"
    " interested worried stuck broke online offline retired unemployed allergic fluent based born only doing feeling"
    " thinking using writing learning living getting having making planning wondering asking hoping left right well"
    " better worse awake asleep drunk sober cold hot warm dead alive proud grateful thankful jealous lonely shy tall"
    " short rich poor fat thin impressed surprised shocked disappointed frustrated annoyed serious honest"
    " kidding joking"
    " monday tuesday wednesday thursday friday saturday sunday no yes maybe never always exhausted stressed"
)


def is_trade(phrase: str) -> bool:
    """Whether the last word of the phrase is a trade."""
    words = phrase.casefold().split()
    if not words or words[-1] in _NO_TRADE:
        return False
    return words[-1] in _TRADES or bool(_TRADE_ENDING.search(words[-1]))


def is_everyday(word: str) -> bool:
    """Whether the word names a state or a thing of the day, and so no person."""
    return word.casefold() in _NO_NAME


def may_be_name(word: str) -> bool:
    """Whether a word after "I am" can be a name: it is no state, nationality, language or trade."""
    low = word.casefold()
    return not (is_everyday(low) or low in DEMONYMS or low in LANGUAGES or is_trade(low)) and not low.endswith("ing")
