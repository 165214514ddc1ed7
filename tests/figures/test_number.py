"""Four significant digits, for reading and for LaTeX."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.figures.number import digits, latex


@pytest.mark.parametrize(
    ("value", "plain", "formula"),
    [
        (0.42826, "0.4283", "0.4283"),
        (12.3456, "12.35", "12.35"),
        (0, "0", "0"),
        (1.0, "1.000", "1.000"),
        (-3.21049, "−3.210", "-3.210"),
        (12345.6, "1.235e+04", r"1.235 \times 10^{4}"),
        (-1.23456e-05, "−1.235e−05", r"-1.235 \times 10^{-5}"),
        (4321.4, "4321", "4321"),
        (-math.inf, "−∞", r"-\infty"),
        (math.inf, "∞", r"\infty"),
        (math.nan, "nan", r"\mathrm{nan}"),
    ],
)
def test_a_number_is_rounded_for_display(value, plain, formula):
    assert digits(value) == plain
    assert latex(value) == formula


@given(st.floats(-1e30, 1e30).filter(lambda x: abs(x) > 1e-30))
def test_what_is_shown_is_right_to_four_digits(value):
    assert float(digits(value).replace("−", "-")) == pytest.approx(value, rel=5.01e-4)
    mantissa, _, exponent = latex(value).partition(r" \times 10^{")
    shown = float(mantissa) * 10.0 ** int(exponent.rstrip("}") or 0)
    assert shown == pytest.approx(value, rel=5.01e-4)
