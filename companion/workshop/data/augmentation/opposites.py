"""Words that stand in like places and never mean the same: opposites, members of a row, and forms of one word.

Embeddings cannot tell these from synonyms: in those of the starter model “good” lies nearer to “bad” than to “great”.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

_ROWS: Final = """
morning evening afternoon night/nighttime noon midnight dawn dusk day/daytime
second minute hour day week month year decade century
daily weekly monthly yearly/annual hourly
today tomorrow yesterday tonight modern/contemporary
monday tuesday wednesday thursday friday saturday sunday
january february march april may might june july august september october november december
spring summer autumn/fall winter
zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty
hundred thousand million billion
once twice
first/initial second third fourth fifth sixth seventh eighth ninth tenth last/final next previous
single double half triple quarter
north northern south southern east eastern west western
left right
right/correct/true/proper/real/actual wrong/incorrect/false/fake
up down
top bottom
above below
over under
inside/within/internal outside/external
front back
in out
before after
early/earlier late/later
past recent future present
now then
here there
near/close/nearby far/distant
around between
old/ancient new/modern/recent young
older younger
big/large/great/huge/major small/little/tiny/minor
bigger/larger/greater smaller
long/lengthy short/brief
high/tall low
higher lower
wide/broad narrow
thick thin
deep shallow
heavy light
light/bright dark
hot/warm cold/cool
heating cooling
wet dry
hard/difficult/tough easy/simple soft
good/great/excellent/fine/nice bad/poor/terrible/awful
better worse
best worst
strong weak
rich/wealthy poor
fast/quick/rapid slow
quickly/rapidly slowly
clean dirty
full empty
open closed/shut
free busy
happy/glad sad/unhappy
quiet/silent loud/noisy
safe dangerous
male female
public private
same/identical different
more less
most least
many/several few
much little
all none
always never sometimes often/frequently rarely/seldom
never ever
everybody/everyone nobody somebody/someone
already still
even despite
come/coming go/going
give/provide take
buy/purchase sell
bought sold
push pull
open close
start/begin end/finish/stop
started/began ended/finished/stopped
love hate
like dislike
win lose
live die
living working
born dead birth
sit sat stand
sitting standing
ask answer
question problem/issue
read write
reading writing
hear listen speak/talk
remember forget
increase/rise/growing/rising decrease/reduce/fall/falling
arrive leave
enter exit
mother/mom/mum father/dad
brother sister
son daughter
uncle aunt
husband wife
king queen
man woman person men women people boy girl
child children
foot feet
tooth teeth
he she
dog cat pet horse bird fish animal
breakfast lunch dinner/supper
tea coffee water milk wine beer juice
bread rice pasta soup
salt pepper sugar
apple orange banana lemon
red blue green yellow black white brown grey/gray pink purple orange
gold silver bronze
sun moon star
solar sun
sea/ocean lake river
hand foot arm leg head face eye ear nose mouth
mind brain
guitar piano violin drums
football baseball basketball tennis soccer
music art
school college university
city/town country/nation village
english french german spanish italian russian chinese
car/vehicle bus train plane boat/ship bike
physics chemistry biology
mathematics history
say said
see saw seen
get got
make made making
go went gone
find found finding
think thought
know knew known
take took taken
give gave given
tell told
run ran
sit sat
meet met
break broken broke
leave left
keep kept
speak spoke spoken
write wrote written
eat ate eaten
put set
live life
die death
ask question
use usage
world global
law legal
post pre
return back
name word/term
today future
growing grown
surgery surgical
centuries years
input output
primary secondary
permanent temporary
fortunately unfortunately
either neither
junior senior
probably certainly
alpha beta
patient customer
recently previously
although despite
near next
half part whole
far much
last mid late
next future
since due
two several
old young
black dark
white light
female woman
male man
choose choice
effect affect
strength strong
draw drew drawn
hang hung
feed fed
depth deep
heat hot temperature
urban city
national country
station train
internet online
chemistry chemical
sold sale
size length
"""
"""A line is a row; “/” joins words that may stand for one another."""

_SIDES: Final[defaultdict[str, dict[int, int]]] = defaultdict(dict)
for _number, _row in enumerate(_ROWS.split("\n")):
    for _side, _words in enumerate(_row.split()):
        for _word in _words.split("/"):
            _SIDES[_word][_number] = _side


def stand_apart(one: str, other: str) -> bool:
    """Whether two words in small letters are known to mean something else, whatever their embeddings say."""
    first, second = (_SIDES.get(word.removesuffix("s"), {}) | _SIDES.get(word, {}) for word in (one, other))
    return any(first[row] != second[row] for row in first.keys() & second.keys())
