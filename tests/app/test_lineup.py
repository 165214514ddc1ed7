"""Which variants a line-up lets a reader combine: those that go together when they are built."""

from itertools import combinations

import pytest
import torch

import attnviz
from attnviz.app.lineup import FEWEST, MOST, SETS, compatible, fills
from attnviz.app.text import LANGUAGES, text
from attnviz.attention.catalogue import find
from attnviz.attention.parameter import Inputs, Option
from attnviz.attention.parts import NAMES, Parts, combine
from attnviz.error import InputError

SIZES = {"B": 1, "H": 6, "G": 6, "T": 5, "S": 5, "K": 4, "E": 4, "D": 24, "C": 5}
KNOWN = attnviz.variants()
BUILT = {name: variant.build(Inputs(SIZES, torch.float64)) for name, variant in KNOWN.items()}


def together(one: Parts, other: Parts) -> bool:
    try:
        combine(one, other)
    except InputError:
        return False
    return True


def test_a_variant_fills_the_parts_that_it_builds_whatever_the_sizes() -> None:
    for name, variant in KNOWN.items():
        assert fills(variant) == set(BUILT[name].filled), name


def test_an_option_changes_no_part_that_is_filled() -> None:
    inputs = Inputs(SIZES, torch.float64)
    for variant in KNOWN.values():
        for name, knob in variant.parameters.items():
            for option in knob.options if isinstance(knob, Option) else ():
                built = variant.build(inputs, **{name: option})
                assert set(built.filled) == fills(variant), (variant.name, option)


def test_two_variants_are_offered_together_where_both_fill_something_and_nothing_clashes() -> None:
    for one, other in combinations(KNOWN, 2):
        both = bool(fills(KNOWN[one]) and fills(KNOWN[other]))
        expected = both and together(BUILT[one], BUILT[other])
        assert compatible(one, other) == compatible(other, one) == expected, (one, other)


def test_no_variant_is_offered_to_itself() -> None:
    assert not any(compatible(name, name) for name in KNOWN)


def test_variants_that_go_together_two_by_two_go_together_all_at_once() -> None:
    for name in ("rope+sliding_window+entmax", "gqa+rope+causal+linear", "dot+alibi+causal+topk"):
        names = name.split("+")
        assert all(compatible(one, other) for one, other in combinations(names, 2))
        find(name).build(Inputs(SIZES, torch.float64))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("rope", "causal", True),
        ("rope", "entmax", True),
        ("causal", "sliding_window", False),
        ("linear", "rope", True),
        ("linear", "entmax", False),
        ("linear", "causal", True),
        ("softmax", "mha", False),
        ("nope", "rope", False),
    ],
)
def test_some_that_are_known_to_go_together_or_not(one: str, other: str, expected: bool) -> None:
    assert compatible(one, other) == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_part_has_a_name(language: str) -> None:
    words = text(language)
    assert all(f"card-part-{part}" in words for part in (*NAMES, "none"))


def test_a_line_up_has_room_for_every_comparison_to_begin_with() -> None:
    assert 2 <= FEWEST < MOST
    for line in SETS.values():
        assert FEWEST <= len(line.split(";")) <= MOST
        assert all(name in KNOWN for name in line.split(";"))
