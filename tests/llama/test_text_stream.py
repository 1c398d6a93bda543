from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from companion.llama.text_stream import TextStream

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(text=TEXT, cuts=st.lists(st.integers(0, 320), max_size=12))
def test_text_comes_out_whole_however_its_bytes_are_cut(text, cuts):
    data, stream = text.encode(), TextStream()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [stream.add(data[a:b]) for a, b in itertools.pairwise(edges)]
    assert "".join(pieces) + stream.finish() == text


@given(
    text=st.text("abc#", max_size=60),
    stop=st.text("abc#", min_size=1, max_size=4),
    sizes=st.lists(st.integers(1, 5), min_size=60),
)
def test_nothing_of_a_stop_text_or_after_it_is_shown(text, stop, sizes):
    stream, shown, at = TextStream((stop,)), "", 0
    for size in sizes:
        shown += stream.add(text[at : at + size].encode())
        at += size
        assert stop not in shown
    shown += stream.finish()
    assert shown == text.partition(stop)[0]
    assert stream.stopped == (stop in text)


def test_several_stop_texts_end_at_the_earliest():
    stream = TextStream(("###", "User:"))
    assert stream.add(b"Hello. User: hi ###") == "Hello. "
    assert stream.stopped


def test_half_a_character_at_the_end_becomes_one_replacement_character():
    stream = TextStream()
    assert stream.add("🌟".encode()[:2]) == ""
    assert stream.finish() == "�"
