"""Formulas hold the cell's numbers, and claim equality only where it holds."""

import math

import pytest

from attnviz.figures.formula import cell_formulas

TEXT = {"allowed": "allowed", "masked": "masked, 100%"}
SCALED = 4.78 / 5**0.5
CELL = {
    "q": (1.5, -2.0, 0.25, 3.0, 0.1),
    "k": (2.0, 0.5, -4.0, 1.25, 0.3),
    "raw": 4.78,
    "d_head": 5,
    "scaled": SCALED,
    "score": SCALED,
    "allowed": True,
    "masked": SCALED,
    "row_max": 3.0,
    "exp": math.exp(SCALED - 3.0),
    "row_sum": 2.5,
    "weight": math.exp(SCALED - 3.0) / 2.5,
}


def formulas(**changed):
    return cell_formulas(**(CELL | changed), text=TEXT)


def numbers(**changed):
    return [with_numbers for _, with_numbers in formulas(**changed)]


def test_the_dot_product_shows_its_largest_terms_first():
    dot = numbers()[0]
    assert dot.index("(3.000)(1.250)") < dot.index("(1.500)(2.000)") < dot.index(r"\dots")
    assert "(0.1000)(0.3000)" not in dot
    assert dot.endswith(r"&= 4.780 \end{aligned}")


def test_a_short_dot_product_leaves_nothing_out():
    dot = numbers(q=(1.0, 2.0), k=(3.0, 0.5), raw=4.0)[0]
    assert r"\dots" not in dot


def test_each_stage_is_there_in_symbols_and_numbers():
    stages = formulas()
    assert len(stages) == 5
    assert r"\frac{4.780}{\sqrt{5}} = 2.138" in stages[1][1]
    assert stages[2][1] == r"m = 2.138 \quad (\text{allowed})"
    assert r"\exp(2.138 - 3.000) = 0.4222" in stages[3][1]
    assert r"\frac{0.4222}{2.500} = 0.1689" in stages[4][1]


def test_a_masked_cell_goes_to_nothing():
    stages = numbers(allowed=False, masked=-math.inf, exp=0.0, weight=0.0)
    assert stages[2] == r"m = -\infty \quad (\text{masked, 100\%})"
    assert r"\exp(-\infty - 3.000) = 0" in stages[3]
    assert r"\frac{0}{2.500} = 0" in stages[4]


def test_a_row_with_nothing_allowed_divides_by_nothing():
    last = numbers(allowed=False, masked=-math.inf, exp=0.0, row_sum=0.0, weight=0.0)[-1]
    assert r"\frac" not in last
    assert last.startswith("a = 0")


def test_a_bias_is_a_stage_of_its_own():
    stages = numbers(score=SCALED - 0.5, masked=SCALED - 0.5)
    assert len(stages) == 6
    assert "2.138 - 0.5000 = 1.638" in stages[2]


@pytest.mark.parametrize(
    ("stage", "changed"),
    [
        (0, {"raw": 9.0}),
        (1, {"scaled": 1.0, "score": 1.0}),
        (2, {"masked": 0.0}),
        (4, {"weight": 0}),
    ],
)
def test_an_edited_number_is_not_said_to_follow(stage, changed):
    assert r"\mapsto" in numbers(**changed)[stage]
    assert r"\mapsto" not in numbers()[stage]


def test_small_numbers_are_powers_of_ten():
    assert r"1.235 \times 10^{-6}" in numbers(exp=1.2346e-6)[4]


def test_every_brace_is_closed():
    for formula in formulas():
        for side in formula:
            assert side.count("{") == side.count("}")
            assert side.count("(") == side.count(")")
