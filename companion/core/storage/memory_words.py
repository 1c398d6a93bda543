"""The words of a fact, as the index of memories holds them and as questions ask for them.

Scripts that write no spaces (Chinese, Japanese, Thai, ...), and Korean with its endings, are cut into pairs of letters;
everything else into words without case and accents, English endings taken off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from companion.core.storage.search_index import fold

MAX_TEXT = 4000
"""Characters of a text that are looked at; a fact is one sentence."""

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
_SPACELESS = f"{_HAN}{_KANA}\uac00-\ud7a3\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # Python counts their vowel signs as no part of a word
_WORD = re.compile(rf"(?P<spaceless>[{_SPACELESS}]+)|(?:[^\W_{_SPACELESS}]|[{_INDIC}])+")
_WRITTEN = re.compile(rf"[{_SPACELESS}]+|(?:[^\W_{_SPACELESS}]|[{_INDIC}\u0300-\u036f])+")
_IDEOGRAPH = re.compile(f"[{_HAN}]")
_HIRAGANA = re.compile("[\u3041-\u309f]+")
_ENGLISH = re.compile("[a-z]{4,}")
_VOWEL = re.compile("[aeiouy]")

# Words that say nothing about what a question is after. Left out on purpose, since they are nouns in another of these
# languages, or names: son, man, hat, war, chat, may, Mia, Ella.
_STOP_WORDS = """
a about after again ain all also always am an and any anything are aren as at be because been before being but by can cannot
could couldn did didn do does doesn doing don done down each either else ever every everything few for from further get gets
getting go goes going gonna got gotten had hadn has hasn have haven having he hello her here hers herself hey hi him himself
his how however i if in into is isn it its itself just know knows knew let ll lot m maybe me mean more most much must my myself
need no nor not now of off oh ok okay on once one only or other our ours ourselves out over own please rather re really
recall remember remembered remind right said same say says see she should shouldn since so some something still such sure
s t d tell tells than thank thanks that the their theirs them themselves then there these they thing things think this those
though thought through to today told too under until up us ve very wanna want was wasn way we well were weren what whatever
when where which while who whom whose why will with without won would wouldn yeah yes yet you your yours yourself
aber als auch auf aus bei bin bist da dann das dass dein deine dem den der des die dir doch du ein eine einem einen einer er
es euch euer habe haben hast hatte ich ihm ihn ihr ihre im ist ja jetzt kann kannst kein keine mein meine meinem meinen meiner
mich mir mit nach nein nicht noch nur ob oder schon sehr sein seine sich sie sind uber um und uns unser vom von vor wann warum
was weisst weiss welche wenn wer wie wir wird wo zu zum zur
au aux avec avez avons c ce ces cet cette comme comment dans de donc du elle elles en est et eux il ils j je l la le les leur
lui ma mais mes moi mon n ne nos notre nous on ont ou par pas plus pour pourquoi qu quand que quel quelle quels qui sa sais sans
se ses si sommes sont suis sur ta te tes toi ton tu un une va vos votre vous y
al algo ante como con cual cuando cuyo del desde donde e el ellas ellos era eres es esa ese eso esta estas este esto estoy
fue ha han hasta hay la las lo los mas mi mis mucho muy ni nos o os para pero por porque que quien se ser si sin sobre soy su
sus tambien te tengo ti tiene tienes tu tus una unas uno unos ya yo
ao aos com da das dos ela ele eles em essa esse estou eu foi isso isto mais mas mesmo meu minha muito na nas nao nem no nos
num o pela pelo por qual quem sao seu sou sua tem tenho uma voce
ai alla anche che chi ci cosa da dal della delle di dove gli ha hai ho il io loro mio nel nella non perche piu quale quando
quello questa questo sei sono suo tra tuo un
aan ben bij dat de deze dit een en er hebben heb het hij hoe ik in is je jij jouw kan maar me met mijn naar niet nog of om
onze ook op te van voor waar wat we wel wie wij zijn
а без бы был была в вам вас во вот вы да для до его ее если есть еще и из или им их к как ко когда кто ли мне мой моя мы на
не него нет ни но о об он она они от по при про с со так там тебя то тот ты у уже чем что это я
我 你 他 她 它 们 們 的 了 是 在 有 和 就 不 也 都 吗 嗎 呢 吧 啊 什 么 麼 怎 哪 这 這 那 个 個 还 還 记 記 得 何 私 僕 俺 君
我的 你的 他的 她的 什么 什麼 怎么 哪里 记得 記得 还记 還記 我们 我們 你们 是什 叫什
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())

VAGUE = frozenset(["call", "nam"])
"""Stems in many a question and many a fact: they only count when nothing else does."""

# What a question calls by a general name, and facts by another one. Stems.
_RELATED = {
    "job": "work profession occup teach nurse engineer student",
    "work": "job profession occup",
    "profession": "job work",
    "birthdai": "born birth",
    "born": "birthdai birth",
    "pet": "cat dog kitten puppi rabbit hamster bird fish parrot hors",
    "mother": "mom mum mam",
    "mom": "mother mum",
    "mum": "mother mom",
    "father": "dad papa",
    "dad": "father papa",
    "parent": "mother father mom mum dad",
    "sibl": "brother sister",
    "child": "children son daughter kid babi",
    "children": "child son daughter kid babi",
    "kid": "child children son daughter",
    "famili": "mother father mom mum dad brother sister wif husband son daughter",
    "partner": "wif husband girlfriend boyfriend marri",
    "marri": "wif husband",
    "hom": "liv hous citi town",
    "citi": "liv town",
    "liv": "hom hous citi town mov",
    "old": "age year birthdai born",
    "age": "old year",
    "favourit": "favorit lov lik",
    "favorit": "favourit lov lik",
    "lik": "lov enjoi favourit favorit prefer",
    "lov": "lik enjoi favourit favorit",
    "hat": "dislik",
    "food": "eat dish meal cook",
    "eat": "food dish meal vegetarian vegan allergic",
    "drink": "tea coffe beer win",
    "hobbi": "lov lik enjoi plai collect",
    "instrument": "plai guitar piano violin drum",
    "languag": "speak learn",
    "doctor": "ill sick health hospital allergic",
    "flight": "fly plan airport",
    "travel": "trip fly holidai vacat",
    "holidai": "vacat trip travel",
    "vacat": "holidai trip travel",
    "nam": "call",
    "call": "nam",
}
RELATED = {word: tuple(others.split()) for word, others in _RELATED.items()}


def stem(word: str) -> str:
    """A folded word without its English ending: "living", "lives" and "live" are one; other words stay as they are."""
    if not _ENGLISH.fullmatch(word):
        return word
    if (word.endswith("ies") and len(word) > 4) or word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3 and _VOWEL.search(base):
            word = base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
            break
    if len(word) > 3 and word.endswith("e"):
        return word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


def words(text: str) -> list[str]:
    """Folded words in order, not stemmed; a run of a script without spaces is one word."""
    return [found[0] for found in _WORD.finditer(fold(text[:MAX_TEXT]))]


def terms(text: str) -> list[str]:
    """What the index holds of a text, in order."""
    found: list[str] = []
    for match in _WORD.finditer(fold(text[:MAX_TEXT])):
        found += _pairs(match[0]) if match["spaceless"] else (stem(match[0]),)
    return found


def index_text(text: str) -> str:
    """The terms with spaces between them, for SQLite's tokenizer."""
    return " ".join(terms(text))


def query_terms(texts: Iterable[str], ignored: Iterable[str] = ()) -> list[str]:
    """The terms of some texts that can tell facts apart, each once; `ignored` are names that stand in all of them."""
    left_out = {term for name in ignored for term in terms(name)}
    found: dict[str, None] = {}
    for text in texts:
        for match in _WORD.finditer(fold(text[:MAX_TEXT])):
            if match["spaceless"]:
                pairs = [pair for pair in _pairs(match[0]) if not _HIRAGANA.fullmatch(pair)]
                found |= dict.fromkeys(pair for pair in pairs if pair not in STOP_WORDS)
            elif match[0] not in STOP_WORDS and (len(match[0]) > 1 or match[0].isdigit() or not match[0].isascii()):
                found[stem(match[0])] = None
    return [term for term in found if term not in left_out]


def _pairs(run: str) -> list[str]:
    """Chinese words of one letter are common enough to be found alone."""
    if len(run) == 1:
        return [run]
    return [run[at : at + 2] for at in range(len(run) - 1)] + _IDEOGRAPH.findall(run)


def keywords(text: str) -> list[str]:
    """The telling words as they are written, names first; each once."""
    found: dict[str, str] = {}
    for match in _WRITTEN.finditer(text[:MAX_TEXT]):
        folded = fold(match[0])
        if folded not in STOP_WORDS and (len(folded) > 1 or not folded.isascii()):
            found.setdefault(folded, match[0])
    return sorted(found.values(), key=lambda word: not word[:1].isupper())
