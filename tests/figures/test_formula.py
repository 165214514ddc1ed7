"""Formulas hold the cell's numbers, and claim equality only where it holds."""

import math
import re

import pytest
from hypothesis import given
from hypothesis.strategies import floats

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
    assert dot.endswith(r"&= 4.78000 \end{aligned}")


def test_a_short_dot_product_leaves_nothing_out():
    dot = numbers(q=(1.0, 2.0), k=(3.0, 0.5), raw=4.0)[0]
    assert r"\dots" not in dot


def test_each_stage_is_there_in_symbols_and_numbers():
    stages = formulas()
    assert len(stages) == 5
    assert r"\frac{4.78000}{\sqrt{5}} = 2.13768" in stages[1][1]
    assert stages[2][1] == r"m = 2.13768 \quad (\text{allowed})"
    assert r"\exp(2.13768 - 3.00000) \\ &= 0.422182" in stages[3][1]
    assert r"\frac{0.422182}{2.50000} = 0.1689" in stages[4][1]


def test_a_masked_cell_goes_to_nothing():
    stages = numbers(allowed=False, masked=-math.inf, exp=0.0, weight=0.0)
    assert stages[2] == r"m = -\infty \quad (\text{masked, 100\%})"
    assert r"\exp(-\infty - 3.00000) \\ &= 0" in stages[3]
    assert r"\frac{0}{2.50000} = 0" in stages[4]


def test_a_row_with_nothing_allowed_divides_by_nothing():
    last = numbers(allowed=False, masked=-math.inf, exp=0.0, row_sum=0.0, weight=0.0)[-1]
    assert r"\frac" not in last
    assert last.startswith("a = 0")


def test_a_bias_is_a_stage_of_its_own():
    stages = numbers(score=SCALED - 0.5, masked=SCALED - 0.5)
    assert len(stages) == 6
    assert "2.13768 - 0.500000 = 1.63768" in stages[2]


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
    assert r"1.23460 \times 10^{-6}" in numbers(exp=1.2346e-6)[4]


def test_every_brace_is_closed():
    for formula in formulas():
        for side in formula:
            assert side.count("{") == side.count("}")
            assert side.count("(") == side.count(")")


@given(masked=floats(-20, 20), above=floats(0, 10), rest=floats(0, 50))
def test_a_pocket_calculator_gives_the_shown_weight(masked, above, rest):
    exp = math.exp(-above)
    row_sum = exp + rest + (above > 0)
    last = numbers(
        masked=masked, row_max=masked + above, exp=exp, row_sum=row_sum, weight=exp / row_sum
    )[4]
    found = re.search(r"\\frac\{(.+?)\}\{(.+?)\} = (.+?)\\rule", last)
    assert found
    power = re.compile(r" .times 10\^\{(-?\d+)\}")
    top, bottom, result = (float(power.sub(r"e\1", number)) for number in found.groups())
    assert top / bottom == pytest.approx(result, rel=6e-4)
