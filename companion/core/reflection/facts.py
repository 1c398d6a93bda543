"""What a person said of themselves that is worth remembering, found by rules: rather nothing than something wrong.

Questions, commands, talk about the character, quotations, *actions* and what only the moment before explains (“I love it”)
are left alone.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import msgspec

from companion.core.memory import PERSON
from companion.core.moods import split_sentences
from companion.core.reflection.fact_patterns import ELSEWHERE, PATTERNS, Kind
from companion.core.reflection.first_names import is_first_name
from companion.core.reflection.third_person import normalized, third_person

LONGEST: Final = 240
"""Characters of a clause; longer ones tell a story and not a fact."""
MOST: Final = 12
"""Facts taken from one message."""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person said of themselves."""

    kind: Kind
    text: str
    """One sentence about {{user}}."""
    said: str
    """The person's own words that it comes from."""
    sure: bool
    """Whether `text` says the same for certain; else it only quotes, and somebody may find better words."""


_NOT_SAID = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|\*[^*\n]+\*|^\s*>.*$|\(\(.*?\)\)|\[[^\]\n]*\]|<[^>\n]*>|https?://\S+|"
    r"^\s*~.*~\s*$",
    re.DOTALL | re.M,
)
"""Code, *actions*, quoted lines, notes beside the story, markup, addresses."""
_QUOTED: Final = re.compile(r"[\"“”„«»]|(?<!\w)'[^']+'(?!\w)")
_FILLER: Final = re.compile(
    r"(?:(?:well|oh|ooh|yeah|yes|yep|yup|yea|no|nope|nah|so|actually|also|and|but|plus|because|cause|then|btw|"
    r"by the way|honestly|ok|okay|"
    r"ha(?:ha)+|lol|hm+|um+|uh+|ah+|aw+|thanks|thank you|cool|nice|sorry|wow|anyway|anyways|personally|to be honest|tbh|"
    r"as for me|for me|me too|me neither|same|same here|not much|good|great|fine|sure|of course|in fact|these days|"
    r"nowadays|currently|right now|lately|exactly|true|likewise|for fun|let's see|you know|i see|guess what|fun fact|"
    r"in my (?:free|spare) time|on (?:the )?weekends|(?:hi|hey|hello|good (?:morning|evening|"
    r"afternoon))(?: there)?(?:,? [A-Z]\w+)?|"
    r"nice to meet you(?: too)?(?:,? [A-Z]\w+)?)(?:\s*[,!.…:;-]+\s*|\s+(?=(?:I|i|my|My|I'm|i'm|im|we|We|our)\b)))+",
    re.IGNORECASE,
)
_THINK: Final = re.compile(r"I (?:think|guess|believe|suppose|must say|have to say)(?: that)? (?=my )", re.IGNORECASE)
_TAIL: Final = re.compile(
    r"(?:,? (?:too|as well|either|lol|haha|actually|though|you know|obviously|of course|at the moment|"
    r"right now|nice to meet you)|\s*[:;=xX8][-^']?[)(DPpOo3/\\|]+|[^\w\s.,!?'\"%$€£)-]+)+(?=[\s.!…]*$)",
)
_AND_YOU: Final = re.compile(
    r"(?:[,;.]| -)? ?(?:and |but |so |or )?(?:(?:what|how)(?: about|'s)?|"
    r"(?:do|does|are|have|can|would|did|is)(?:n't|n’t)?|where|which|when|who)\b"
    r"(?: \w+)* (?:you|yours?|yourself)\b[^.!?]*\?$|,? (?:and )?you\?$",
    re.IGNORECASE,
)
_SPLIT: Final = re.compile(
    r"[,;]? (?:and|but|so|although|though|while) (?=(?:I|my|i|i'm|im|we|our)\b(?!s))|[;,] (?=(?:I|My|my|i|we|our)(?:'m|"
    r"'ve)? )|\s+[-–—]+\s+"
)
_NOT_MEANT: Final = re.compile(
    r"\b(?:kidding|joking|as a joke|jk|pretend|imagine|let's say|for example|hypothetically|"
    r"in (?:the|this|my) (?:game|story|dream|book|movie|role ?play)|ooc|as an ai)\b",
    re.IGNORECASE,
)
_NEITHER: Final = re.compile(
    r"\b(?:you|your|yours|u|ur|wish|suppose|maybe|perhaps|might|if|would have|could have|should have|mine|had to|character)\b",
    re.IGNORECASE,
)
_BEFORE: Final = re.compile(
    r"\b(?:it|its|it's|this|these|those|there|here|the same|such|the (?:latter|former|other)|either|neither|"
    r"that one|the one|ones|"
    r"some of|most of them|more|too|else|do so|so too)\b|\b(?:like|love|hate|enjoy|of|with|about|do|for|to|at|"
    r"in|on|want|into|than|prefer|try|all|doing|read|seen)"
    r" that\b|\bthat(?: (?:too|a lot|so much|much|sometimes))?[.! ]*$|\bone[.! ]*$|\b(?:have|had|own|get|got|"
    r"want) one\b|\bone of (?:them|those|my favorites)|\b(?:to|of|from|with|about|by)[.! ]*$|\b(?:things|"
    r"stuff)[.! ]*$"
    r"|\b(?:visit|try|go|see|do|learn|play|watch|read|eat)(?: (?:some ?day|some ?time|one day|again|soon|"
    r"with \w+))?[.! ]*$(?<!to read.)",
    re.IGNORECASE,
)
"""What only the sentence before explains."""
_OTHER_PEOPLE: Final = re.compile(r"\b(?:they|them|their|he|she|him|his|her|hers)\b", re.IGNORECASE)
_PEOPLE: Final = re.compile(
    r"\b(?:sisters?|brothers?|siblings?|mother|father|mom|mum|dad|parents|wife|husband|partner|\w*friends?|fianc[ée]+|sons?|"
    r"daughters?|kids|child|children|dogs?|cats?|pets?|horses?|uncle|aunt|cousins?|grand\w+|boss|family|"
    r"people|students|patients)\b",
    re.IGNORECASE,
)
_PASSING: Final = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|(?:this|last|next) (?:week(?:end)?|month|year|summer|winter|"
    r"spring|fall|autumn|night|"
    r"morning|evening|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|in (?:\w+ )?(?:days?|weeks?|months?|"
    r"years?)(?! old)|(?:\w+ )?(?:days?|weeks?|months?|years?) ago|soon|"
    r"recently|just (?:got|moved|started|bought|had)|on (?:mon|tues|wednes|thurs|fri|satur|sun)day)\b",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(
    r"\b(?:also|really|just|absolutely|still|actually|currently|definitely|totally|kinda|kind of|sort of|pretty|very|quite|"
    r"personally|honestly|mostly|mainly|truly|simply|both|especially|particularly|generally|typically|normally|now|already|"
    r"recently|finally|originally|probably|so) (?=\S)",
    re.IGNORECASE,
)
_TOGETHER: Final = re.compile(r"(?:We|Our)\b")
_SHARED: Final = frozenset({"home", "family", "pets", "plans"})
"""What “we” tell of each of us."""
_I_AM_NAME: Final = re.compile(r"I am (?P<name>[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{1,15}(?:[ -][A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{1,19})?)")
_NEVER_CALLED: Final = frozenset({"Maybe", "Crazy", "Later", "Tomorrow", "Back", "Whatever", "Anything", "When", "If", "What"})
_CALL_ME: Final = re.compile(
    r"(?:(?:you can|please|just|everyone|everybody|people|they|my friends|friends)(?: just|"
    r" all)? )*calls? me (?P<name>[A-Z][\w'-]*(?: [A-Z][\w'-]*)?)",
    re.IGNORECASE,
)


def find_facts(text: str, said_on: date | None = None) -> tuple[Fact, ...]:
    """The facts in one message of a person, in order; `said_on` is kept with what is only true for a time."""
    found: list[Fact] = []
    for sentence in split_sentences(_NOT_SAID.sub(" ", text[:20_000])):
        if not _QUOTED.search(sentence):
            found += _facts_of(sentence, said_on)
    unique = {fact.text.casefold(): fact for fact in found}
    return tuple(unique.values())[:MOST]


_ASKS_NAME: Final = re.compile(
    r"\b(?:(?:should|may|can|shall|do) I call you|what do (?:people|they) call you|your name|who are you|and you are)\b[^.!]*\?",
    re.IGNORECASE,
)
_ANSWERS_NAME: Final = re.compile(
    r"(?:(?i:hi|hello|hey|oh|well|good (?:morning|day|evening))\b[,!. ]*)?"
    r"(?:(?i:I'm|I am|I’m|it's|it’s|it is|this is|just|they call me)\s+)?(?P<name>[A-Z][a-z'’-]{1,15})\s*[.!,]?"
)


def name_given(question: str, answer: str) -> Fact | None:
    """The name in “I'm Ana.” or just “Ana.”, which are only names when somebody has asked for one."""
    sentences = split_sentences(_NOT_SAID.sub(" ", answer[:2000]))
    said = sentences[0].strip() if sentences else ""
    found = _ANSWERS_NAME.fullmatch(said) if _ASKS_NAME.search(question) else None
    if found is None or not is_first_name(found["name"]):
        return None
    return Fact(kind="name", text=f"{PERSON}'s name is {found['name']}.", said=said, sure=True)


def _facts_of(sentence: str, said_on: date | None) -> list[Fact]:
    kind = next((kind for kind, pattern in ELSEWHERE if pattern.search(sentence)), None)
    if kind is not None:
        fits = len(sentence) <= LONGEST and not sentence.rstrip().endswith(("?", "？"))
        return [msgspec.structs.replace(_quoting(kind, sentence.strip()), sure=True)] if fits else []
    sentence = _AND_YOU.sub(".", sentence.strip())
    if sentence.endswith("?") or len(sentence) > 2 * LONGEST or _NOT_MEANT.search(sentence):
        return []
    opening = _FILLER.match(sentence)
    clauses = _SPLIT.split(sentence[opening.end() :] if opening else sentence)
    return [fact for clause in clauses if (fact := _fact(clause, said_on)) is not None]


def _fact(clause: str, said_on: date | None) -> Fact | None:
    said = _THINK.sub("", _FILLER.sub("", clause.strip(), count=1) if _FILLER.match(clause.strip()) else clause.strip())
    said = _TAIL.sub("", said).strip(" .!…,;:-~")
    plain = normalized(said)
    if (name := _name(said, plain)) is not None:
        return Fact(kind="name", text=f"{PERSON}'s name is {name}.", said=said, sure=True)
    together = _TOGETHER.match(plain)
    if together is not None:
        plain = _as_one(plain)
    if not 3 <= len(plain.split()) <= 40 or len(said) > LONGEST or "{{" in said:
        return None
    if not plain.startswith(("I ", "My ")) or _NEITHER.search(plain) or _BEFORE.search(plain):
        return None
    if _OTHER_PEOPLE.search(plain) and not _PEOPLE.search(plain):
        return None
    bare = _PLAIN.sub("", plain)
    kind = next((kind for kind, pattern in PATTERNS if pattern.fullmatch(bare)), None)
    if kind is None:
        return None
    text = third_person(plain) if together is None else None
    if text is None:
        return _quoting(kind, said) if together is None or kind in _SHARED else None
    if said_on is not None and _PASSING.search(plain):
        text = f"{text[:-1]} (said on {said_on.day} {said_on:%B %Y})."
    return Fact(kind=kind, text=text, said=said, sure=True)


def _as_one(plain: str) -> str:
    """“We” and “our” as “I” and “my”, only to see what it is about."""
    plain = re.sub(r"^We're\b|^We are\b", "I am", re.sub(r"^We've\b", "I have", re.sub(r"^Our\b", "My", plain)))
    return re.sub(r"^We\b", "I", plain)


def _name(said: str, plain: str) -> str | None:
    called = _CALL_ME.fullmatch(said)
    if called is not None and called["name"][0].isupper() and called["name"] not in _NEVER_CALLED:
        return called["name"]
    alone = _I_AM_NAME.fullmatch(plain)
    is_other = any(pattern.fullmatch(plain) for _, pattern in PATTERNS)  # “I'm Catholic”, “I'm Leo”
    if alone is None or is_other or not all(map(is_first_name, re.split(r"[ -]", alone["name"]))):
        return None
    return alone["name"]


def _quoting(kind: Kind, said: str) -> Fact:
    said = said[0].upper() + said[1:]
    return Fact(
        kind=kind, text=f"{PERSON} said: “{said if said.endswith(('.', '!', '。', '！')) else said + '.'}”", said=said, sure=False
    )
