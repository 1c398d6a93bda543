"""From what a person says of themselves to how somebody else would tell it: “I have a cat” → “{{user}} has a cat.”

The person may be anybody, so they are “they” after the name; only the verb that follows the name is conjugated.
"""

from __future__ import annotations

import re
from typing import Final

from companion.core.memory import PERSON

_ADVERBS: Final = (
    "also|really|just|always|usually|often|sometimes|never|rarely|still|actually|currently|absolutely|recently|mostly|mainly|"
    "only|definitely|totally|truly|simply|finally|already|once|both|kind of|sort of|kinda|generally|typically|normally|"
    "especially|particularly|regularly|occasionally|now|then|even|personally|literally|honestly|barely|hardly|certainly"
)
_HEAD: Final = re.compile(rf"I (?P<adverbs>(?:(?:{_ADVERBS}) )*)(?P<verb>[a-z]+(?:'t)?)(?![\w'])(?P<rest>.*)", re.DOTALL)
_LINKING: Final = re.compile(r"\b(?:also|just|actually|especially|particularly|even|then|both|honestly|personally) ")
"""What ties a sentence to the one before."""
_SAME: Final = (
    "can could will would should must might may shall had did was can't couldn't won't wouldn't shouldn't didn't hadn't "
    "wasn't cannot used ought went got made took came saw gave found felt left lost met kept told began brought bought thought "
    "taught caught fought built sent spent lent bent meant dreamt slept wept swept ran sang swam drank wrote drove "
    "rode rose broke spoke chose woke stole froze ate fell grew knew flew threw drew wore tore swore bore sat won hung "
    "stuck dug shot lit sold held heard paid laid said stood understood became forgot hid bit fed led bled sped slid split "
    "quit cut hit hurt shut cost spread bet"
)
_UNCHANGED: Final = frozenset(_SAME.split())
"""Modal verbs and irregular pasts."""
_IRREGULAR: Final = {"am": "is", "have": "has", "do": "does", "go": "goes", "don't": "doesn't", "haven't": "hasn't"}
_OTHERS: Final = (
    (r"I'm\b", "they're"),
    (r"I've\b", "they've"),
    (r"I'd\b", "they'd"),
    (r"I'll\b", "they'll"),
    (r"I am\b", "they are"),
    (r"I was\b", "they were"),
    (r"I\b", "they"),
    (r"my\b", "their"),
    (r"mine\b", "theirs"),
    (r"myself\b", "themselves"),
    (r"me\b", "them"),
)
_REPLACEMENTS: Final = tuple((re.compile(rf"(?<![\w'-]){old}", 0 if "I" in old else re.IGNORECASE), new) for old, new in _OTHERS)
_SECOND_VERB: Final = re.compile(
    rf"(?P<before> (?:and|but|or) (?:(?:{_ADVERBS}) )*)"
    r"(?P<verb>(?:am|was|have|love|like|enjoy|hate|live|own|want|teach|go|don't|haven't|collect|raise)\b"
    r"|listen(?= to\b)|(?:work|play|study|run|drive|read|write|watch|cook|bake|speak|do|take|make|need|help|try|hope|plan)"
    r"(?= (?:as|at|for|in|on|with|the|a|an|my|to|every|some|lots?|many|two|three)\b))"
)
_SINGING: Final = re.compile(r"( and )(sing|dance|compose)(?=$)")
_INFINITIVE: Final = re.compile(r"\bto [a-z]+")


def normalized(clause: str) -> str:
    """Straight apostrophes, a capital I with its verb written out, one space between words."""
    clause = " ".join(clause.replace("’", "'").replace("`", "'").split())
    clause = re.sub(r"\bi(?=\b(?!\.))", "I", re.sub(r"^(?:im|i m)\b", "I'm", clause, flags=re.IGNORECASE))
    clause = re.sub(r"^ive\b", "I've", clause, flags=re.IGNORECASE)
    clause = re.sub(r"^(?:my|we|our)\b", lambda found: found[0].capitalize(), clause, flags=re.IGNORECASE)
    for short, whole in (("I'm", "I am"), ("I've", "I have"), ("I'll", "I will")):
        clause = re.sub(rf"^{short}\b", whole, clause)
    clause = re.sub(r"^My name's ", "My name is ", re.sub(r"^I have got (?=an?\b|my\b|the\b|no\b|\w+ \w)", "I have ", clause))
    clause = re.sub(rf"^I'd (?=(?:(?:{_ADVERBS}) )*(?:like|love|rather|prefer|be|hate|choose)\b)", "I would ", clause)
    return re.sub(r"^I (dont|didnt|cant|wont|havent)\b", lambda found: f"I {found[1][:-1]}'t", clause)


def third_person(clause: str) -> str | None:
    """One sentence about `{{user}}` that says what a `normalized` clause with “I” or “My” in front says.

    None when it is not certain how it would have to read.
    """
    clause = re.sub(r"(?: myself| of my own)$", "", clause.rstrip(" .!…,;:-~"))
    if clause.startswith("My "):
        return f"{PERSON}'s {_others(clause[3:])}."
    head = _HEAD.fullmatch(clause)
    if head is None or re.search(r"\b(?:[Ww]e|us|[Oo]urs?)\b", clause):
        return None
    verb = _conjugated(head["verb"])
    rest = _LINKING.sub("", head["rest"])
    if verb == "plays":
        rest = _SINGING.sub(r"\1\2s", rest)
    if verb is None:
        return None
    if head["verb"] not in {"can", "could", "will", "would", "should", "must", "might", "may", "used", "can't", "cannot"}:
        rest = _SECOND_VERB.sub(lambda found: _second(found, rest), rest)
    return f"{PERSON} {_LINKING.sub('', head['adverbs'])}{verb}{_others(rest)}."


def _second(found: re.Match[str], rest: str) -> str:
    """“… and work as a nurse”; after “to” the verb belongs to it: “like to cook and go out”."""
    if _INFINITIVE.search(rest, 0, found.start()) and found["verb"] not in {"am", "was", "don't", "haven't"}:
        return found[0]
    return found["before"] + (_conjugated(found["verb"]) or found["verb"])


def _conjugated(verb: str) -> str | None:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb in _UNCHANGED or (verb.endswith("ed") and verb not in {"need", "feed", "breed", "bleed", "speed", "weed"}):
        return verb
    if verb.endswith(("n't", "ing")) or len(verb) < 2:
        return None
    if re.search(r"(?:s|x|z|ch|sh|o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"


def _others(text: str) -> str:
    for pattern, new in _REPLACEMENTS:
        text = pattern.sub(new, text)
    return text
