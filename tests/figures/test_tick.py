"""Labels beside a picture fit, and lines break where a reader would break them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.tick import escaped, length, lines, shortened, stride


def test_a_chinese_character_is_as_wide_as_its_height():
    assert length("天气", 10) == 20
    assert length("ab", 10) < length("天", 10) * 2


@given(st.text(max_size=40))
def test_a_shortened_label_fits_and_says_that_it_was_cut(label):
    found = shortened(label, 7)
    assert length(found, 1) <= 7
    assert found == label or found.endswith("…")


def test_markup_is_text():
    assert escaped("<s>&\"'") == "&lt;s&gt;&amp;\"'"


@pytest.mark.parametrize(("room", "expected"), [(20, 1), (11.6, 1), (11, 2), (4, 3), (1, 12)])
def test_labels_are_thinned_out_until_they_have_room(room, expected):
    assert stride(room, 10) == expected


def test_english_breaks_between_words():
    assert lines("attention weights of one head", 11) == ["attention weights", "of one head"]


def test_chinese_breaks_anywhere_but_before_a_full_stop():
    assert lines("注意力权重。", 5) == ["注意力权", "重。"]


@given(st.text(alphabet="ab 天气。（）,.", max_size=60), st.integers(6, 30))
def test_wrapping_keeps_every_character(text, most):
    assert "".join(lines(text, most)).replace(" ", "") == text.replace(" ", "")
