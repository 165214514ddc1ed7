"""The LaTeX of a rule says what the rule computes: in symbols, and with the model's numbers."""

import math
import random
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import attnviz
from attnviz import rule
from attnviz.analysis.derivation import derivation, letters, sizes
from attnviz.figures.equation import in_numbers, in_symbols, number
from attnviz.figures.symbol import cell
from attnviz.trace import Trace

WORDS = (
    *("frac", "sqrt", "sum", "max", "exp", "sin", "cos", "tanh", "operatorname", "infty", "le"),
    *("cdot", "times", "left", "right", "lfloor", "rfloor", "bmod", "dots", "quad", "text"),
    *("mathrm", "begin", "end", "mu", "sigma", "overline", "hat", "epsilon", "tau", "ell"),
    *("Sigma", "Pi", "log", "min"),
)
"""Commands that may come up; KaTeX knows them all."""


def symbols(text: str, *silent: str) -> str:
    return in_symbols(rule.parse(text), "otherwise", silent)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(k, q[h, t, k] * k[h, s, k])", r"\sum_{k} q_{h,t,k} \, k_{h,s,k}"),
        ("raw[h, t, s] / sqrt(d_head)", r"\frac{R_{h,t,s}}{\sqrt{d_{\mathrm{head}}}}"),
        (
            "sum(d, x[t, d] * W_Q[h, d, k]) + b_Q[h, k]",
            r"\sum_{d} x_{t,d} \, W^{Q}_{h,d,k} + b^{Q}_{h,k}",
        ),
        ("exp(masked[h, t, s] - max[h, t])", r"\exp\left(M_{h,t,s} - m_{h,t}\right)"),
        ("exp[h, t, s] / sum[h, t]", r"\frac{e_{h,t,s}}{\Sigma_{h,t}}"),
        (
            "where(allowed[h, t, s], scores[h, t, s], -inf)",
            r"\begin{cases} S_{h,t,s} & C_{h,t,s} = 1 \\ -\infty & \text{otherwise} \end{cases}",
        ),
        (
            "sum(s, pattern[h, t, s] * v[h // n_sharing, s, e])",
            r"\sum_{s} A_{h,t,s} \, v_{\lfloor h / n \rfloor,s,e}",
        ),
        ("mean(d, (x[t, d] - mean[t]) ** 2)", r"\frac{1}{n_{d}} \sum_{d} (x_{t,d} - \mu_{t})^{2}"),
        ("s <= t + past", r"s \le t + \mathrm{past}"),
        (
            "sqrt(d_model) * W_E[ids[t], d]",
            r"\sqrt{d_{\mathrm{model}}} \, W^{E}_{\mathrm{ids}_{t},d}",
        ),
        ("relu(pre[t, f])", r"\max\left(0, \mathrm{pre}_{t,f}\right)"),
        ("sigmoid(x[t] - y[t])", r"\sigma\left(x_{t} - y_{t}\right)"),
        ("abs(x[t] - y[t])", r"\left|x_{t} - y_{t}\right|"),
        ("sign(x[t]) * y[t]", r"\operatorname{sign}\left(x_{t}\right) \, y_{t}"),
        ("floor(x[t] / 2)", r"\lfloor \frac{x_{t}}{2} \rfloor"),
        ("minimum(t, s - 1)", r"\min\left(t, s - 1\right)"),
        ("maximum(x[t], 0) ** 2", r"\max\left(x_{t}, 0\right)^{2}"),
        ("2 * minimum(x[t], y[t]) + 1", r"2 \cdot \min\left(x_{t}, y_{t}\right) + 1"),
        ("argmax(v, final[t, v])", r"\operatorname{arg\,max}_{v} \hat{p}_{t,v}"),
        ("x[t] - (y[t] - z[t])", "x_{t} - (y_{t} - z_{t})"),
        ("x[t] * (y[t] + b[t]) * -z[t]", r"x_{t} \, (y_{t} + b_{t}) \, (-z_{t})"),
        ("2 * 0.5 * x[t]", r"2 \cdot 0.5000 \cdot x_{t}"),
        ("-(t % 2) + -(x[t] * 2)", r"-(t \bmod 2) + (-x_{t} \cdot 2)"),
    ],
)
def test_a_rule_in_symbols(text: str, expected: str) -> None:
    assert symbols(text) == expected


def test_an_index_of_one_value_is_not_written() -> None:
    assert symbols("sum(k, q[h, t, k] * k[h, s, k])", "h", "t") == r"\sum_{k} q_{k} \, k_{s,k}"
    assert symbols("z[0, t, e] + max[t]", "t") == r"z_{e} + m"


def test_the_word_for_the_other_case_is_the_readers() -> None:
    node = rule.parse("where(s < t, x[s], 0)")
    assert in_symbols(node, "否则") == r"\begin{cases} x_{s} & s < t \\ 0 & \text{否则} \end{cases}"


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("W_Q", ["0", "3", "5"], "W^{Q}_{0,3,5}"),
        ("d_head", [], r"d_{\mathrm{head}}"),
        ("pattern", ["t", "s"], "A_{t,s}"),
        ("variance", ["t"], r"(\sigma^2)_{t}"),
        ("resid_mid", ["t"], r"\mathrm{resid}^{\mathrm{mid}}_{t}"),
    ],
)
def test_a_cell_is_named(name: str, at: list[str], expected: str) -> None:
    assert cell(name, at) == expected


@pytest.mark.parametrize(
    "text", ["W_Q[h, k] ** 2", "unmasked[t] ** 2", "(x[t] / y[t]) ** 2", "variance[t] ** 2"]
)
def test_what_is_raised_to_a_power_shows_where_it_ends(text: str) -> None:
    """TeX refuses a second superscript, and one behind a fraction is anyone's guess."""
    assert re.search(r"\)(_\{\w\})?\^\{2\}$", symbols(text))


def test_a_comparison_that_is_compared_stands_in_brackets() -> None:
    assert symbols("(x[t] < y[t]) == z[t]") == "(x_{t} < y_{t}) = z_{t}"


# with numbers

Q = np.array([[1.25, -2.0, 0.001234567, 3.5]])
K = np.array([[4.0, 0.3333333, 1.0, -1.0], [0.5, -0.5, 1e-7, 8.0]])


def test_a_sum_begins_with_its_largest_terms() -> None:
    node = rule.parse("sum(k, q[t, k] * k[s, k])")
    assert in_numbers(node, {"t": 0, "s": 0}, {"q": Q, "k": K}, 4) == (
        r"1.250 \cdot 4 \\ &\quad + 3.500 \cdot (-1) \\ &\quad + (-2) \cdot 0.3333 + \dots"
    )


def test_a_sum_of_few_terms_is_written_whole() -> None:
    node = rule.parse("sum(k, x[t, k]) + b[t]")
    found = in_numbers(node, {"t": 1}, {"x": np.array([[9.0, 9], [0.5, -7]]), "b": Q[0]}, 4)
    assert found == r"(-7) \\ &\quad + 0.5000 \\ &\quad + (-2)"


def test_a_number_has_the_digits_that_are_asked_for() -> None:
    node = rule.parse("x[t] / size")
    given = {"x": Q[0], "size": np.asarray(3.0)}
    assert in_numbers(node, {"t": 2}, given, 4) == r"\frac{0.001235}{3}"
    assert in_numbers(node, {"t": 2}, given, 7) == r"\frac{0.001234567}{3}"
    assert in_numbers(node, {"t": 0}, given, 6) == r"\frac{1.25000}{3}"


def test_of_two_cases_the_one_that_holds_is_written() -> None:
    node = rule.parse("where(allowed[s], x[s] + 1, -inf)")
    given = {"allowed": np.array([1.0, 0.0]), "x": np.array([2.5, 9.0])}
    assert in_numbers(node, {"s": 0}, given, 4) == "2.500 + 1"
    assert in_numbers(node, {"s": 1}, given, 4) == r"-\infty"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0.42831, "0.4283"), (-2.0, "-2"), (1e-5, r"1.000 \times 10^{-5}"), (0.0, "0")),
        *((math.inf, r"\infty"), (-math.inf, r"-\infty"), (math.nan, r"\mathrm{nan}")),
        *((-1.5e9, r"-1.500 \times 10^{9}"), (123456.0, "123456"), (-0.0, "0")),
    ],
)
def test_a_number_as_latex(value: float, expected: str) -> None:
    assert number(value, 4)[0] == expected


def check(written: str) -> None:
    """TeX can set it, and nothing of Python has got into it."""
    depth = 0
    for character in re.sub(r"\\[{}]", "", written):
        depth += (character == "{") - (character == "}")
        assert depth >= 0, written
    assert depth == 0, written
    for opens, closes in (
        (r"\left(", r"\right)"),
        (r"\begin{", r"\end{"),
        (r"\lfloor", r"\rfloor"),
    ):
        assert written.count(opens) == written.count(closes), written
    assert written.count("(") == written.count(")"), written
    assert not re.search(r"np\.|array|None|True|False|\de[-+]?\d|nan(?!\})|inf(?!ty)|−|∞", written)
    assert set(re.findall(r"\\([a-zA-Z]+)", written)) <= set(WORDS), written
    assert not re.search(r"\^\{[^{}]*\}(_\{[^{}]*\})?\^|'(_\{[^{}]*\})?\^", written), written


def test_every_step_of_a_walk_can_be_set_in_symbols_and_with_numbers(walk: Trace) -> None:
    for path, kept in walk.items():
        letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
        sizes = zip(letters, kept.value.shape, strict=False)
        at = {x: random.Random(path + x).randrange(n) for x, n in sizes}
        found = derivation(walk, path, at)
        check(cell(kept.step.name, letters))
        if found.node:
            check(in_symbols(found.node, "otherwise", found.alone))
            check(in_numbers(found.node, found.at, found.given, found.digits))


@pytest.mark.parametrize("name", list(attnviz.variants()))
def test_every_step_and_every_cost_of_a_variant_can_be_set(name: str) -> None:
    variant = attnviz.variants()[name]
    for cost in (variant.cost.flops, variant.cost.memory, variant.cost.cache):
        check(symbols(cost))
    make = torch.Generator().manual_seed(2)
    n_queries = 7 if variant.properties.square else 5
    shapes = ((1, 4, n_queries, 6), (1, 4, 7, 6), (1, 4, 7, 6))
    trace = attnviz.attend(name, *(torch.randn(*x, generator=make).double() for x in shapes))
    for path, kept in trace.items():
        at = {x: random.Random(path + x).randrange(n) for x, n in sizes(kept).items()}
        found = derivation(trace, path, at)
        check(cell(kept.step.name, letters(kept)))
        assert (found.node is None) == (not kept.step.rule or path in ("q", "k", "v")), path
        if found.node:
            check(in_symbols(found.node, "otherwise", found.alone))
            check(in_numbers(found.node, found.at, found.given, found.digits))


# what is written is read once more, by Python

READ = (
    *(
        (r"\left|", "abs("),
        (r"\right|", ")"),
        (r"\operatorname{sign}", "sign"),
        (r"\left(", "("),
        (r"\right)", ")"),
        (r"\operatorname{erf}", "erf"),
        (r"\cdot", "*"),
        (r"\,", "*"),
    ),
    *((r"\times", "*"), (r"\bmod", "%"), (r"\le ", "<= "), (" = ", " == "), (r"\infty", "inf")),
    *((r"\lfloor", "floor("), (r"\rfloor", ")"), (r"\frac", ""), ("}{", ")/("), ("^", "**")),
    *(("{", "(("), ("}", "))"), ("\\", "")),
)
NAMES: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("exp", "sqrt", "tanh", "floor", "sin", "cos", "inf")},
    **{"erf": math.erf, "max": max, "min": min, "abs": abs, "sign": np.sign},
    "sigma": lambda x: 1 / (1 + np.exp(-x)),
}


def value_of(written: str) -> float:
    for tex, python in READ:
        written = written.replace(tex, python)
    return float(eval(written, NAMES))


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sign = st.sampled_from(["+", "-", "*", "/", "//", "%", "<", ">"])
    function = st.sampled_from(
        ["-", "exp", "tanh", "relu", "erf", "sigmoid", "abs", "sign", "floor"]
    )
    bound = st.sampled_from(["minimum", "maximum"])
    return (
        st.tuples(inner, sign, inner).map(lambda x: f"({x[0]}) {x[1]} ({x[2]})")
        | st.tuples(function, inner).map(lambda x: f"{x[0]}({x[1]})")
        | st.tuples(bound, inner, inner).map(lambda x: f"{x[0]}({x[1]}, {x[2]})")
        | inner.map(lambda x: f"({x}) ** 2")
        | st.tuples(inner, inner, inner).map(lambda x: f"where({x[0]}, {x[1]}, {x[2]})")
    )


rules = st.recursive(
    st.sampled_from(["t", "2", "0.25", "x[t]", "y[t]", "size"]), joined, max_leaves=6
)
values = st.floats(-30, 30)


@settings(max_examples=150)
@given(text=rules, x=values, y=values)
def test_what_is_written_with_numbers_is_the_number(text: str, x: float, y: float) -> None:
    node = rule.parse(text)
    given_ = {"x": np.array([0, x]), "y": np.array([0, y]), "size": np.asarray(7.5)}
    expected = float(rule.value(node, {"t": 1}, given_))
    if not math.isfinite(expected):
        return
    with np.errstate(all="ignore"):
        try:
            found = value_of(in_numbers(node, {"t": 1}, given_, 17))
        except (OverflowError, ZeroDivisionError):
            return
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(text=rules)
def test_any_rule_can_be_set(text: str) -> None:
    check(symbols(text))
