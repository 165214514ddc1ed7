"""What a variant costs: counted by hand, one operation at a time, and added up for several."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import attnviz
from attnviz.attention.catalogue import find
from attnviz.attention.cost import FULL, Cost, together
from attnviz.attention.parameter import Inputs
from attnviz.attention.variant import Variant

SIZES = {"T": 5, "S": 7, "H": 6, "G": 3, "K": 4, "E": 9, "D": 24}
FLOPS = 6 * 5 * 7 * (2 * 4 + 2 * 9 + 5)
LENGTHS = (1, 2, 5, 16, 97)
whole = st.integers(1, 300)


@given(t=whole, s=whole, h=whole, k=whole, e=whole)
def test_full_attention_costs_what_its_loops_do(t: int, s: int, h: int, k: int, e: int) -> None:
    flops, memory, cache = FULL.of({"T": t, "S": s, "H": h, "G": h, "K": k, "E": e, "D": h * k})
    score, mix, normalizer = 2 * k, 2 * e, 5
    assert flops == h * t * s * (score + mix + normalizer)
    assert memory == h * t * s
    assert cache == s * (h * k + h * e)


def test_extra_operations_are_added_and_cost_no_memory() -> None:
    cost = Cost(extra="2 * H * T * K")
    assert cost.of(SIZES) == (FLOPS + 2 * 6 * 5 * 4, 6 * 5 * 7, 7 * 3 * (4 + 9))


def test_fewer_pairs_cost_fewer_operations_and_less_memory() -> None:
    flops, memory, cache = Cost(pairs="T * 2").of(SIZES)
    assert (flops, memory) == (FLOPS * 2 / 7, 6 * 5 * 2)
    assert cache == FULL.of(SIZES)[2]


def test_a_method_without_pairs_says_its_own_operations_and_memory() -> None:
    cost = Cost(operations="H * S * K * E", numbers="H * K * E", tokens="1", width="H * K * E")
    assert cost.of(SIZES) == (6 * 7 * 4 * 9, 6 * 4 * 9, 6 * 4 * 9)
    assert cost.cache == "H * K * E"


def test_what_is_kept_for_each_token_is_counted_for_each() -> None:
    cost = Cost(tokens="minimum(window, S)", width="K + E")
    assert cost.of(SIZES, window=4)[2] == 4 * (4 + 9)
    assert cost.of(SIZES, window=40)[2] == 7 * (4 + 9)


def test_a_rule_may_name_parameters_and_misses_those_that_are_not_given() -> None:
    cost = Cost(pairs="T * minimum(window, S)")
    assert cost.of(SIZES, window=3)[1] == 6 * 5 * 3
    with pytest.raises(KeyError, match="window"):
        cost.of(SIZES)


# several at once

WINDOW = Cost(pairs="T * window", tokens="window")
SHARED = Cost(width="K + E")
FIRST, SECOND = Cost(extra="H * T * K"), Cost(extra="3 * H * T * S")


def test_nothing_together_is_full_attention() -> None:
    assert together() == together(FULL) == together(FULL, FULL) == FULL


def test_what_one_changes_stands_beside_what_another_changes() -> None:
    both = together(WINDOW, SHARED)
    assert both == together(SHARED, WINDOW)
    assert both.of(SIZES, window=2) == (FLOPS * 2 / 7, 6 * 5 * 2, 2 * (4 + 9))


def test_extra_operations_of_several_add_up() -> None:
    found = together(FIRST, WINDOW, FULL, SECOND).of(SIZES, window=7)[0]
    assert found == FLOPS + 6 * 5 * 4 + 3 * 6 * 5 * 7


@given(st.permutations([WINDOW, SHARED, FIRST, SECOND]))
def test_the_order_of_several_does_not_matter(costs: list[Cost]) -> None:
    expected = together(WINDOW, SHARED, FIRST, SECOND).of(SIZES, window=3)
    assert together(*costs).of(SIZES, window=3) == expected


def test_a_variant_of_several_costs_what_they_cost_together() -> None:
    found = find("rope+sliding_window+gqa").cost.of(SIZES, window=2, groups=1)
    pairs, turned = 5 * 2, 3 * 4 * (6 * 5 + 3 * 7)
    assert found == (6 * pairs * (2 * 4 + 2 * 9 + 5) + turned, 6 * pairs, 2 * 1 * (4 + 9))


JOINED = ["rope+sliding_window+entmax", "sliding_window+mocha", "fire+pointer", "alibi+learned"]


@pytest.mark.parametrize("name", JOINED)
def test_a_variant_of_several_has_a_cost_at_its_own_parameters(name: str) -> None:
    variant = find(name)
    sizes = {"B": 1, "C": 7, **SIZES}
    numbers = {n: float(k.default) for n, k in variant.knobs.items() if _number(k.default)}
    values = numbers | {n: 4.0 for n in variant.knobs if n not in numbers}
    assert all(map(math.isfinite, variant.cost.of(sizes, **values)))


def _number(said: float | str) -> bool:
    return isinstance(said, int | float)


# against the cells of the mask itself

EXACT = ("causal", "stick_breaking", "padding", "prefix_lm", "cope", "path")
"""Variants whose number of pairs is a count of cells, to the last one."""


def _cells(variant: Variant, n: int) -> float:
    """How many cells of one head the variant allows."""
    q, k, v = torch.randn(3, 1, 1, n, 4, generator=torch.Generator().manual_seed(0)).double()
    trace = attnviz.attend(variant.name, q, k, v)
    return float(trace["allowed"].value.sum())


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("n", LENGTHS)
def test_the_pairs_of_a_mask_are_its_cells(name: str, n: int) -> None:
    variant = attnviz.variants()[name]
    sizes = {"B": 1, "T": n, "S": n, "C": n, "H": 1, "G": 1, "K": 4, "E": 4, "D": 4}
    values = variant.values(Inputs(sizes))
    numbers = {n: float(v) for n, v in values.items() if isinstance(v, int | float)}
    assert variant.cost.of(sizes, **numbers)[1] == _cells(variant, n)


def at(n: int) -> dict[str, int]:
    return {"B": 1, "T": n, "S": n, "C": n, "H": 4, "G": 4, "K": 8, "E": 8, "D": 32}


def _masks() -> list[Variant]:
    """Variants that only leave out cells; one with a path of its own may visit a cell twice."""
    known = attnviz.variants().values()
    return [v for v in known if "whole" not in v.build(Inputs(at(8))).filled and v.cost != FULL]


@pytest.mark.parametrize("n", [16, 256, 4096])
def test_no_mask_visits_more_pairs_than_there_are_cells(n: int) -> None:
    for variant in _masks():
        values = variant.values(Inputs(at(n)))
        numbers = {n: float(v) for n, v in values.items() if isinstance(v, int | float)}
        pairs = Cost(pairs=variant.cost.pairs).of(at(n), **numbers)[1]
        assert 0 < pairs <= 4 * n * n, variant.name
