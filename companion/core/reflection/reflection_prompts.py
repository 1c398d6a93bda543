"""What a model is asked at quiet moments, and what of its answers is believed.

A small model adds things that nobody said, so an answer counts only when the person's own words bear it out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from companion.core.conversation import Message
from companion.core.memory import PERSON, UNNAMED
from companion.core.messages import Turn
from companion.core.reflection.facts import find_facts
from companion.core.sampling import Sampling

FACT_SAMPLING: Final = Sampling(temperature=0, repeat_penalty=1, max_tokens=48, stop=("\n",))
NO_NAME: Final = "Robin"
"""What a person without a name is called while the model writes; it never reaches the memory."""
SOMEBODY: Final = UNNAMED.capitalize()
"""What a person without a name is called in summaries."""
LONGEST_FACT, LONGEST_SUMMARY, SHORTEST_SUMMARY = 240, 900, 20
SUMMARY_PARAMETERS: Final = 500_000_000
"""Smaller models are not asked for summaries. The starter model (135 million) was asked to sum up 25 dialogues: 16 times
it wrote them down again, and no time it said what was said. Its own words for single facts were right 102 of 150 times."""
CHUNK_BYTES: Final = 3600
"""Bytes of a conversation that are summed up at once: 900 tokens or so, in a context of 2,048."""
LONGEST_TURN: Final = 700
"""Bytes of one message that are looked at."""

_EXAMPLES: Final = (
    ("I live in a small village near Graz.", "{} lives in a small village near Graz."),
    ("We have two kids and a horse called Frida.", "{} has two kids and a horse called Frida."),
    ("I don't eat meat.", "{} doesn't eat meat."),
    ("Our son starts school in autumn.", "{}'s son starts school in autumn."),
)
_SMALL_WORDS: Final = (
    "a an the and or but of to in on at for with from by as is are was were be been being am has have had do does did it its "
    "that this which who whose their them they themselves his her he she him i my me we our us you your so very really just "
    "also too called named name now then there own"
)
_SMALL: Final = frozenset(_SMALL_WORDS.split())
_WEIGHTY_WORDS: Final = (
    "not no never none without used want wanted wants would will going might may could hope hopes wish plan plans planning "
    "always sometimes hardly barely almost"
)
_WEIGHTY: Final = frozenset(_WEIGHTY_WORDS.split())
"""Words that turn a statement into another one: what was said and what is kept must have the same of them."""


def fact_turns(said: str, name: str) -> tuple[Turn, ...]:
    """Ask for one sentence about the person who said this; shows how with examples."""
    name = name or NO_NAME
    turns = [Turn("system", f"Rewrite what {name} says as one short sentence about {name}, in the third person. Add nothing.")]
    for theirs, ours in _EXAMPLES:
        turns += [Turn("user", f"{name} says: {theirs}"), Turn("assistant", ours.format(name))]
    return (*turns, Turn("user", f"{name} says: {said.rstrip('.')}."))


def accepted_fact(proposal: str, said: str, name: str) -> str | None:
    """The proposal with {{user}} in place of the name; None unless the words that were said bear it out."""
    name = name or NO_NAME
    text = " ".join(proposal.split())
    if not text.startswith(name) or text.count(name) > 1 or len(text) > min(LONGEST_FACT, len(said) * 1.5 + 20):
        return None
    rest = text.removeprefix(name).rstrip(" .!")
    if "his" not in _words(said):  # it guesses
        rest = re.sub(r"\bhis\b", "their", rest)
    if not rest or re.search(r"[.!?:\"“”{}<>*\n]|\b(?:I|me|my|we|us|our|you|your)\b", rest):
        return None
    ours, theirs = _words(rest), _words(said)
    if _content(ours) - _content(theirs) or not _covers(_content(ours), _content(theirs)):
        return None
    if _weighty(ours) != _weighty(theirs) or ({"he", "she", "his", "her", "him"} & set(ours)) - set(theirs):
        return None
    return f"{PERSON}{rest}."


def summary_sampling(person: str, character: str) -> Sampling:
    """Ends where a model begins to write the conversation down again, as small ones do."""
    marks = tuple(dict.fromkeys(f"{name[:100]}:" for name in (person or SOMEBODY, character) if name))
    return Sampling(temperature=0, repeat_penalty=1.1, max_tokens=140, stop=marks)


def summary_turns(earlier: str, messages: Sequence[Message], person: str, character: str) -> tuple[Turn, ...]:
    """Ask for a few sentences on what happened; `earlier` is the summary of what went before."""
    person = person or SOMEBODY
    told = "\n".join(
        f"{person if message.role == 'user' else character}: {_shortened(message.text)}" for message in messages if message.text
    )
    before = f"What happened before: {earlier}\n\n" if earlier else ""
    task = (
        f"You sum up conversations between {person} and {character}. Write what was said and what happened, in three or four "
        "short sentences in the third person, and name what is worth remembering. Add nothing."
    )
    return (
        Turn("system", task),
        Turn("user", f"{before}The conversation:\n{told}\n\nSum it up in three or four short sentences."),
    )


def chunks(messages: Sequence[Message]) -> list[list[Message]]:
    """Messages in portions that fit the small context, oldest first."""
    portions: list[list[Message]] = []
    size = CHUNK_BYTES
    for message in messages:
        length = min(len(message.text.encode()), LONGEST_TURN) + 20
        if size + length > CHUNK_BYTES:
            portions.append([])
            size = 0
        portions[-1].append(message)
        size += length
    return portions


def accepted_summary(proposal: str, earlier: str, messages: Sequence[Message], person: str, character: str) -> str:
    """The proposal when most of its words were said; else what rules find, behind the earlier summary."""
    text = _whole_sentences(" ".join(proposal.split()))
    said = _content(_words(" ".join([earlier, person, character, *(message.text for message in messages)])))
    if re.search(r"\b(?:I|I'm|my|me|you|your|we|our)\b|\w:(?= )", text):  # it goes on talking instead
        text = ""
    words = [word for word in _words(text) if _content([word])]
    borne_out = sum(_stem(word) in said for word in words) / len(words) if words else 0.0
    if SHORTEST_SUMMARY <= len(text) <= LONGEST_SUMMARY and borne_out >= 0.7 and not _says_itself_again(text):
        return text
    facts = [fact.text for message in messages if message.role == "user" for fact in find_facts(message.text)]
    known = [sentence for sentence in dict.fromkeys(facts) if sentence.replace(PERSON, person or SOMEBODY) not in earlier]
    return _last_sentences(" ".join([earlier, *known]).replace(PERSON, person or SOMEBODY).strip(), LONGEST_SUMMARY)


def _words(text: str) -> list[str]:
    text = text.replace("’", "'").lower()
    text = re.sub(r"\b(?:can't|cannot)\b", "can not", re.sub(r"n't\b", " not", text))
    return re.findall(r"\w+", re.sub(r"'(?:s|m|re|ve|d|ll)\b", " ", text))


def _content(words: Sequence[str]) -> set[str]:
    return {_stem(word) for word in words if word not in _SMALL and word not in _WEIGHTY}


def _weighty(words: Sequence[str]) -> list[str]:
    return sorted(_stem(word) for word in words if word in _WEIGHTY)


def _stem(word: str) -> str:
    """Enough of a stem for “like”, “likes” and “liked”, or “study” and “studies”, to meet."""
    if len(word) <= 3 or not word.isascii():
        return word
    word = re.sub(r"(?:es|s|ing|ed|e)$", "", re.sub(r"ies$", "y", word))
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _covers(ours: set[str], theirs: set[str]) -> bool:
    return len(ours & theirs) >= 0.7 * len(theirs)


def _shortened(text: str) -> str:
    data = " ".join(text.split()).encode()
    return data.decode() if len(data) <= LONGEST_TURN else f"{data[:LONGEST_TURN].decode(errors='ignore')}…"


def _whole_sentences(text: str) -> str:
    """Without a last sentence that was cut off."""
    end = max(text.rfind(mark) for mark in ".!?。！？")
    return text[: end + 1] if end > 0 else ""


def _last_sentences(text: str, letters: int) -> str:
    if len(text) <= letters:
        return text
    rest = text[-letters:]
    start = rest.find(". ")
    return rest[start + 2 :] if start >= 0 else rest


def _says_itself_again(text: str) -> bool:
    sentences = [sentence.strip().lower() for sentence in re.split(r"(?<=[.!?]) ", text)]
    return len(set(sentences)) < len(sentences)
