"""Whether a word with a capital letter behind “I am” is a name: rather none than a wrong one.

People write “I am Otto”, but also “I am Tired”, “I'm Belgian” and “I am Groot”.
"""

from __future__ import annotations

import re
from typing import Final

_STATES: Final = """
absent afraid alive alone amazed angry anxious ashamed asleep awake aware away awesome awful back bad better blessed blind blue
brave bright broke busy calm careful certain cheap clean clever close cold comfortable confident cool crazy cruel curious cute
dead deaf deep different dirty dizzy done down drunk dumb eager early easy empty evil exact excellent fair faithful false famous
far fast fat fine first fit free fresh friendly full funny furious gay gentle glad gone good gorgeous grateful great green grown
grumpy guilty half handsome happy hard harmless healthy heavy helpless here high home honest hopeless horny hot human hungry
hurt ill immortal important in indoors innocent insane inside intelligent invincible jealous joyful just kind last late lazy
left legal lesbian less light lonely lost loud lovely lucky mad main married mean mental mighty mixed modest more mortal naked
nasty near neat nervous neutral new next nice none normal not numb odd off okay ok old on online open out outside over pale
patient perfect personal plain poor positive powerful pregnant present pretty private proud pure queer quick quiet ready real
red rich right royal rude sad safe same scary second secret selfish serious sexy sharp short shy sick silent silly simple single
sleepy slow small smart sober soft solid sore sorry special strange strict strong stuck stupid sublime sure sweet tall thankful
there thick thin thirsty through tough trans true ugly under unique unsure up upset usual vain vegan warm weak weird welcome well
wet white whole wicked wild wise wonderful worse worst worth worthy wrong young
"""
_NOBODY: Final = """
a an and anybody anyone anything batman death everybody everyone everything god groot he hello hey hi how i it jesus kong
legend love maybe mine mr mrs ms my nobody nothing one please satan santa she so someone somebody something spiderman superman
thanks that the them they this too very we what whatever who why yes yeah no nope you your guess hmm oh zeus
"""
_ROLES: Final = """
actor admin adult artist aunt aunty baby boss boy brother captain chef child coach cook cousin dad daddy daughter doctor dog
dreamer driver engineer farmer father friend gamer girl grandma grandpa hero human husband king lady lawyer man manager master
men mom mommy mother mum mummy nurse papa people pilot player poet president priest prince princess professor queen queer robot
sailor sensei sir sister soldier son student teacher team uncle vampire vet wife witch wizard woman writer iron
"""
_PLACES_AND_DAYS: Final = """
april august december february friday january july june march monday november october saturday september sunday thursday tuesday
wednesday autumn winter spring summer africa america asia australia austria belgium brazil canada china europe finland france
germany india italy japan mexico norway poland portugal russia spain sweden switzerland
czech dutch french german greek swiss thai turk afghan arab jewish muslim catholic buddhist hindu sikh christian protestant
"""
_NO_NAMES: Final = frozenset(f"{_STATES} {_NOBODY} {_ROLES} {_PLACES_AND_DAYS}".split())
_FORMED: Final = re.compile(
    r".{2,}(?:ed|ing|ish|ese|ful|less|ous|able|ible|like|ian|ean|ist|ness|self|proof|minded)|.{3,}(?:ive|ant|ical|istic|ary)"
)
"""As adjectives, participles, peoples and believers end."""
_NAMES_ALL_THE_SAME: Final = """
fred alfred jared wilfred winifred manfred siegfred ahmed mohammed muhammed mohamed khaled rasheed reed creed javed waleed
ming ling jing ying ping xing qing bing ning sterling irving fleming ian brian ryan adrian julian vivian lilian lillian gillian
christian sebastian damian fabian dorian kilian cyprian florian marian bastian maximilian aurelian octavian cassian lucian sean
dean jean clive olive grant bryant hilary hillary mary rosary zachary gary cary
"""
_LIKE_NAMES: Final = frozenset(_NAMES_ALL_THE_SAME.split())


def is_first_name(word: str) -> bool:
    """For a word of letters with a capital in front."""
    plain = word.casefold()
    return plain not in _NO_NAMES and (plain in _LIKE_NAMES or _FORMED.fullmatch(plain) is None)
