from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.mood.features import MAX_WORDS, SPECIAL, Words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't like it.", "i do n't like it ."),
        ("I’m HAPPY!!!", "i 'm happy <capitals> !!"),
        ("sooooo good", "soo <stretched> good"),
        ("Hi Hoshi, hello", "hi Hoshi , hello"),
        ("[NAME] wins. Wow", "<name> wins . wow"),
        ("WHAT?! No…", "what <capitals> ?! no ..."),
        (":) :-D ;) <3 T_T :'(", "<smile> <laugh> <wink> <heart> <frown> <frown>"),
        ("see https://a.b/c?d=1 or r/aww", "see <link> or <link>"),
        ("at 9:30 or 1,000.5", "at <number> or <number>"),
        ("👩‍🚀👍🏽❤️", "👩 🚀 👍 ❤"),
        ("*waves* _hi_ “yes”", "waves hi yes"),
        ("sure /s", "sure /s"),
        ("", ""),
    ],
)
def test_words(text, expected):
    assert words(text) == expected.split()


def test_a_word_never_seen_is_tried_with_single_letters_then_as_a_name():
    reader = Words([*SPECIAL, "so", "well", "hello"])
    known = {word: number for number, word in enumerate([*SPECIAL, "so", "well", "hello"])}
    assert reader.numbers("Hello sooo well") == [known["hello"], known["so"], known["<stretched>"], known["well"]]
    assert reader.numbers("so Hoshi qzx") == [known["so"], known["<name>"], known["<unknown>"]]
    assert reader.numbers("") == [known["<padding>"]]


@given(st.text())
def test_any_text_has_some_words_and_not_too_many(text):
    reader = Words(list(SPECIAL))
    assert 1 <= len(reader.numbers(text)) <= MAX_WORDS
    assert len(words(text * 50)) <= MAX_WORDS
