"""Whether two facts are the same one, told twice.

Deliberately careful: two entries that say nearly the same cost a few tokens, one that swallowed another is lost. So only the
same words in the same order count as the same ("Anna loves Sam" is not "Sam loves Anna"), and a fact says more than another
when it goes on where that one ends ("Sam has a cat" – "... called Miso", but not "... allergy") or puts one describing word
into it ("Sam's orange cat is called Miso"). Words that turn a fact around never count as more. "Sam lives in Berlin" and
"Sam lives in Porto" are two facts: which of them still holds is for the person to say. Scripts without spaces have to match
as a whole, since they turn a sentence around with its last letters.
"""

from __future__ import annotations

from typing import Literal

from companion.core.storage.memory_words import stem, words
from companion.core.storage.search_index import fold

Likeness = Literal["same", "more", "less"]

_WEAK_WORDS = "a an the is are am also just really very that which who and currently now"
_WEAK = frozenset(_WEAK_WORDS.split())
_ALSO_SAID = {"named": "called"}
_WORDS_THAT_GO_ON = """
and in at on of for from with to near by since because when while every as called named who which that whose about before
und mit namens im bei aus der die das weil seit y con en de llamado llamada que e com chamado chamada et avec qui dans du
nomme appele perche chiamato met van genaamd которая который и с в
"""
_GOES_ON = frozenset(_WORDS_THAT_GO_ON.split())
_WORDS_THAT_TURN = """
s not no never nor neither without hardly rarely seldom barely sometimes t cannot but except anymore used formerly former ex
longer until unless if or only almost late step hate nicht kein keine nie niemals ohne fruher pas jamais sans plus nunca sin
jamas nao sem mai niet geen nooit zonder не нет ни никогда без
"""
_TURNS = frozenset(_WORDS_THAT_TURN.split())


def compare(old: str, new: str) -> Likeness | None:
    """How a new fact stands to an old one: the same, one that says more, or less; None: another fact."""
    before, after = words(old), words(new)
    if not before or not after:
        return "same" if fold(old).split() == fold(new).split() else None
    shorter, longer = _telling(before), _telling(after)
    if shorter == longer:
        return "same" if shorter or before == after else None
    if _says_more(longer, shorter, after):
        return "more"
    return "less" if _says_more(shorter, longer, before) else None


def _telling(found: list[str]) -> list[str]:
    return [stem(_ALSO_SAID.get(word, word)) for word in found if word not in _WEAK]


def _says_more(longer: list[str], shorter: list[str], raw: list[str]) -> bool:
    """`raw` are all the words of the longer one."""
    extra = len(longer) - len(shorter)
    if extra < 1 or len(shorter) < 2:
        return False
    at = next((place for place, word in enumerate(shorter) if word != longer[place]), len(shorter))
    if at == len(shorter):
        return not _TURNS.intersection(longer[at:]) and _first_after(raw, shorter) in _GOES_ON
    described = extra == 1 and at > 0 and len(shorter) >= 4 and longer[at + 1 :] == shorter[at:]
    return described and longer[at] not in _TURNS


def _first_after(raw: list[str], telling: list[str]) -> str:
    """The word that comes behind the words of the shorter fact, weak ones included."""
    seen = 0
    for word in raw:
        if seen == len(telling):
            return word
        seen += word not in _WEAK
    return ""
