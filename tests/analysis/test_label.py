"""Tokens read as text: word starts visible, no marks of the tokenizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.analysis.label import labels, row_labels, word_labels, words
from attnviz.trace import Tokens


def tokens(*pieces):
    special = tuple(p in ("<s>", "</s>", "<2zh>") for p in pieces)
    n = len(pieces)
    return Tokens("", pieces, tuple(range(n)), (None,) * n, special)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([" The", " weather"], ("The", "weather")),
        ([" un", "believ", "able"], ("un", "·believ", "·able")),
        ([" 12", "34"], ("12", "·34")),
        (["今天", "天气", "很", "好"], ("今天", "天气", "很", "好")),
        (["カ", "タ", "ナ"], ("カ", "タ", "ナ")),
        ([" Tom", "'", "s"], ("Tom", "'", "s")),
        ([" e", "-", "mail", "."], ("e", "-", "mail", ".")),
        ([" ", "c", "a"], ("␣", "c", "·a")),
        ([" iOS", "系统"], ("iOS", "系统")),
        (["系统", "OS"], ("系统", "OS")),
        (["<0xE4>", "<0xBD>", "a"], ("⟨E4⟩", "⟨BD⟩", "a")),
        (["<2zh>", " Hi", "</s>"], ("<2zh>", "Hi", "</s>")),
        (["<s>", "ing"], ("<s>", "ing")),
        ([" caf", "é"], ("caf", "·é")),
        (["a", "\n", "b"], ("a", "↵", "b")),
        (["<0x41", ">"], ("<0x41", ">")),
    ],
)
def test_a_label_is_the_reader_s_text(pieces, expected):
    assert labels(tokens(*pieces)) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([" un", "believ", "able", "!"], ("unbelievable", "!")),
        ([" ", "c", "af", "é", " is"], ("café", "is")),
        (["今天", "天气", "。"], ("今天", "天气", "。")),
        ([" Tom", "'", "s"], ("Tom", "'", "s")),
        ([" ", "$", "3", "."], ("$", "3", ".")),
        ([" x", "<0xE2>", "<0x80>", "<0x94>", "y"], ("x", "—", "y")),
        (["<0xE4>", "<0xBD>", "<0xA0>", "<0xE5>", "<0xA5>", "<0xBD>"], ("你", "好")),
        (["<0xE4>"], ("⟨E4⟩",)),
        ([" a", "</s>", "b"], ("a", "</s>", "b")),
        ([" ", "</s>"], ("␣", "</s>")),
        ([" ", " "], ("␣", "␣")),
    ],
)
def test_a_word_is_its_pieces_joined(pieces, expected):
    assert word_labels(tokens(*pieces)) == expected


piece = st.sampled_from([" a", "b", " ", "1", "天", "天气", "，", "'", "<0xE4>", "<0xBD>", "<s>"])


@given(st.lists(piece, min_size=1))
def test_words_hold_every_token_once_and_in_order(pieces):
    found = words(tokens(*pieces))
    assert [i for word in found for i in word] == list(range(len(pieces)))
    assert len(word_labels(tokens(*pieces))) == len(found)


@given(st.lists(piece, min_size=1))
def test_every_label_can_be_seen(pieces):
    given_tokens = tokens(*pieces)
    assert all(label.strip() for label in (*labels(given_tokens), *word_labels(given_tokens)))


def test_a_decoder_row_says_what_it_reads_and_what_it_writes(make_trace):
    trace = make_trace(finished=True)
    expected = ("<s>→难以", "难以→置信", "置信→，", "，→i", "i→·OS", "·OS→。", "。→</s>")
    assert row_labels(trace, "decoder.self") == expected
    assert row_labels(trace, "decoder.cross") == expected


@pytest.mark.parametrize("facts", [{"finished": False}, {}])
def test_what_an_unfinished_last_row_writes_is_not_made_up(make_trace, facts):
    assert row_labels(make_trace(**facts), "decoder.cross")[-1] == "。"


def test_an_encoder_row_is_its_token(trace):
    assert row_labels(trace, "encoder.self") == labels(trace.source)
