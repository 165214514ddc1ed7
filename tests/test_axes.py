"""A letter means one size everywhere."""

import pytest

from attnviz import axes


def test_sizes_are_filled_in_as_letters_are_met() -> None:
    sizes: dict[str, int] = {}
    axes.fit((2, 5, 7), "H T S", sizes, "scores")
    axes.fit((2, 5, 3), "H T K", sizes, "q")
    assert {letter: sizes[letter] for letter in "HTSK"} == {"H": 2, "T": 5, "S": 7, "K": 3}


def test_a_letter_of_another_size_is_refused_with_both_numbers() -> None:
    sizes: dict[str, int] = {}
    axes.fit((2, 5, 7), "H T S", sizes, "scores")
    with pytest.raises(ValueError, match="pattern: axis S has size 8, expected 7"):
        axes.fit((2, 5, 8), "H T S", sizes, "pattern")


def test_another_count_of_axes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"z has 2 axes \(5, 7\), declared 'H T K'"):
        axes.fit((5, 7), "H T K", {}, "z")


def test_the_axis_1_holds_one_number() -> None:
    axes.fit((5, 1), "T 1", {}, "sum")
    with pytest.raises(ValueError, match="sum: axis 1 has size 2, expected 1"):
        axes.fit((5, 2), "T 1", {}, "sum")
