"""The built-in sensitive words, English and Chinese.

A row is what a text must contain for its pattern to be tried, and the pattern; '' is enough by itself. Texts come in
lower case and in simplified characters. A word alone says little ("a form with a password field"), so most patterns
want an owner before it ("my password") or a value after it ("the password is …").
"""

from __future__ import annotations

from collections.abc import Mapping

_OWN = (r"(?:my|our|his|her|their|i have an?|we have an?|(?:mom|dad|mother|father|wife|husband|boss|friend)'s)"
        r" (?:[\w-]+ ){0,3}")
#: What follows "is", ":" or "=" where no secret is told.
_NO_VALUE = (
    r"(?!(?:an?|the|not|n't|stored|saved|kept|hashed|salted|encrypted|required|optional|being|too|in|on|of|at|for|to"
    r"|incorrect|correct|wrong|right|invalid|valid|empty|blank|missing|null|none|nil|undefined|set|sent|never|always"
    r"|only|also|weak|strong|longer|shorter|expired|checked|validated|verified|entered|typed|str|string|text|bytes|any"
    r"|bool|int|field|input|varchar|char|os|getenv|env|self|this|request|req|form|process|config|settings|data|what"
    r"|true|false|user|your|used|changed|reset|broken|working|hidden|masked|needed|there|it|we|you|very|so|why|how"
    r"|\w+\()\b)(?=[\w\"'`“‘!@#%^&*~+-])(?!\w+\()"
)
_TOLD = r"(?: [\w-]+){0,4}?(?: (?:is|are|was)|[\"']? ?[:=]) ?[\"'`“‘]?" + _NO_VALUE
_SECRETS = (r"(?:pass(?:word|wd|phrase|code)s?|pin(?: (?:code|number))?|credentials|(?:security|recovery|backup) codes?"
            r"|(?:api|access|secret|private|ssh|encryption) keys?|access tokens?|seed phrase)")
_SECRET = (rf"\b(?:{_OWN}{_SECRETS}\b|(?:password|passwd|passphrase|passcode|pin code|pin number|api key|secret key)\b"
           rf"{_TOLD})")
_PLACE = (r"\b(?:wi-?fi|bank(?:ing)?|atm|card|debit|credit|e-?mail|gmail|icloud|paypal|apple id|safe|alarm)"
          r" (?:pass(?:word|code)|pin)\b")
_NUMBER = r" ?(?:numbers?|no\b\.?|nos\b\.?|#)"
_CARD = (rf"\b(?:(?:credit|debit|bank|payment|id|identity) card(?:{_NUMBER}| details)"
         rf"|{_OWN}(?:credit|debit|bank|identity|id) card)\b")
_ILL = (rf"\b(?:{_OWN}(?:diagnosis|prescriptions?|medications?|illness|disease|therapist|psychiatrist|blood tests?"
        rf"|lab results|cancer|pregnancy|depression|diabetes)|(?:been|was|were|am|is|got|get) diagnosed"
        rf"|diagnosed with)\b")
_CONFIDENTIAL = (r"(?:\b(?:strictly|highly|company|this is|it is) confidential\b|\bconfidential (?:documents?|reports?"
                 r"|memos?|drafts?|contracts?|figures|numbers|project)\b|^[\W_]*confidential\b)")
_MINE = r"(?:[我他她咱]们?|[爸妈]|老婆|老公|客户|公司)(?:的|是)?[\w]{0,6}"
_IS = r"[\w]{0,6}?(?:就?是|为|[:：=])\s*[\"“'「]?(?![什不否空必错无需在由指一哪多怎明加正有用存])(?=[\w!@#$%^&*])"

ENGLISH: Mapping[tuple[str, ...], str] = {
    ("password", "passwd", "passphrase", "passcode", "credentials", "seed phrase", "access token", " pin", "pin ",
     "api key", "access key", "secret key", "private key", "ssh key", "encryption key", "security code",
     "recovery code", "backup code"):
        _SECRET,
    ("password", "passcode", " pin"): _PLACE,
    ("social security", "national insurance", "passport", " licen", "tax id", "taxpayer", "national id", "medicare"):
        rf"\b(?:social security|national insurance|passport|driv(?:er'?s?|ing) licen[cs]e|tax(?:payer)? (?:id|"
        rf"identification)|national id(?:entity|entification)?|medicare)(?:{_NUMBER}|\b(?= is\b))|{_OWN}passport\b",
    ("ssn",): r"\bssns?\b",
    (" card", "card n"): rf"{_CARD}|\bcard{_NUMBER}",
    ("cvv", "cvc"): r"\bcv[vc]2?\b",
    ("bank account", "account number", "account no", "iban", "routing number", "sort code"):
        rf"\bbank account(?:{_NUMBER}| details)|{_OWN}bank account\b|\b(?:account|routing){_NUMBER}|\biban\b"
        r"|\bsort code\b",
    ("medical ", "health record", "health insurance", "patient"):
        r"\b(?:medical (?:record|histor|condition|report)|health (?:record|insurance number)|patient"
        r" (?:record|file|chart))(?:s|y|ies)?\b",
    ("diagnos", "prescription", "medication", "illness", "disease", "therapist", "psychiatrist", "blood test",
     "lab results", "cancer", "pregnancy", "depression", "diabetes"): _ILL,
    ("hiv", "chemotherapy", "antidepressant", "suicidal"): r"\b(?:hiv|chemotherapy|antidepressants?|suicidal)\b",
    ("confidential",): _CONFIDENTIAL,
    ("top secret", "trade secret", "internal use only", "insider information"):
        r"\b(?:top secret|trade secrets?|internal use only|insider information)\b",
    ("salary",): rf"\b{_OWN}salary\b",
}

CHINESE: Mapping[tuple[str, ...], str] = {
    ("密码", "口令"):
        rf"{_MINE}(?:密码|口令)|(?:密码|口令){_IS}"
        r"|(?:银行卡|支付|取款|wi-?fi|无线|微信|支付宝|信用卡|邮箱|开机|保险柜|门锁)密码",
    ("验证码", "安全码", "卡号"): rf"(?:验证码|安全码|卡号){_IS}",
    ("密钥", "私钥", "助记词"): rf"{_MINE}(?:密钥|私钥)|助记词|(?:密钥|私钥){_IS}",
    ("身份证", "身分证"): rf"身[份分]证\s*(?:字|的)?(?:号|是|为|[:：])|{_MINE}身[份分]证",
    ("护照", "社保", "医保", "驾驶证", "居住证", "港澳通行证"):
        r"(?:护照|社保卡?|医保卡?|驾驶证|居住证|港澳通行证)的?(?:号|编号)",
    ("银行卡", "信用卡", "银行账"): rf"(?:银行卡|信用卡)的?(?:号|卡号)|{_MINE}(?:银行卡|信用卡)|银行账[号户]",
    ("病历", "诊断", "确诊", "体检报告", "化验单", "处方", "艾滋", "化疗"):
        rf"病历|诊断(?:书|证明|报告)|(?:医生|医院)诊断|确诊|体检报告|化验单|{_MINE}(?:处方|诊断)|艾滋|化疗",
    ("我得了", "我患", "我有抑郁", "我怀孕", "病", "症", "癌"):
        r"[我他她](?:得了|患[有了上]|被查出)[\w]{0,8}(?:病|症|癌)|我(?:有抑郁|怀孕)",
    ("机密", "绝密", "涉密", "商业秘密", "内部资料"): r"机密(?!性|计算)|绝密|涉密|商业秘密|内部资料",
    ("工资", "薪水", "薪资", "月薪", "年薪"): rf"{_MINE}(?:工资|薪水|薪资|月薪|年薪)",
}

#: Traditional characters of the words above.
SIMPLIFIED = str.maketrans(
    "碼證護號銀賬帳歷診斷確體檢報機絕業驗鑰記詞們為爲資臺戶險櫃開無線郵醫單處產實療癥內會駛編薪媽",
    "码证护号银账账历诊断确体检报机绝业验钥记词们为为资台户险柜开无线邮医单处产实疗症内会驶编薪妈",
)
