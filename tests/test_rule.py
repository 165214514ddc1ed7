"""A rule gives what its formula says: against NumPy's einsum, Python's own arithmetic and loops."""

import math
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz import rule

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "e": 6}
Contraction = tuple[list[list[str]], list[str]]
seeds = st.integers(0, 2**32 - 1)


def number(text: str, **given: Any) -> float:
    """The rule of one number, with operands that are the same for every cell."""
    return float(rule.value(rule.parse(text), {}, {k: np.asarray(v) for k, v in given.items()}))


@st.composite
def contractions(draw: st.DrawFn) -> Contraction:
    """The letters of one to three operands, and those that are left."""
    letters = st.lists(st.sampled_from("abcde"), min_size=1, max_size=3, unique=True)
    operands = draw(st.lists(letters, min_size=1, max_size=3))
    used = sorted(set(chain(*operands)))
    return operands, draw(st.lists(st.sampled_from(used), max_size=3, unique=True))


def contracted(operands: list[list[str]], left: list[str]) -> str:
    factors = [f"{x}[{', '.join(at)}]" for x, at in zip("ABC", operands, strict=False)]
    summed = sorted(set(chain(*operands)) - set(left))
    product = " * ".join(factors)
    return f"sum({', '.join(summed)}, {product})" if summed else product


def einsum(operands: list[list[str]], left: list[str], arrays: list[np.ndarray]) -> np.ndarray:
    return np.einsum(f"{','.join(map(''.join, operands))}->{''.join(left)}", *arrays)


@given(contractions(), seeds)
def test_any_contraction_is_einsums_for_all_cells_at_once_and_for_each(
    letters: Contraction, seed: int
) -> None:
    operands, left = letters
    make = np.random.default_rng(seed)
    arrays = [make.normal(size=[SIZES[x] for x in at]) for at in operands]
    node, given = rule.parse(contracted(operands, left)), dict(zip("ABC", arrays, strict=False))
    expected = einsum(operands, left, arrays)
    grid = np.ix_(*(np.arange(SIZES[x]) for x in left))
    whole = rule.value(node, dict(zip(left, grid, strict=True)), given)
    np.testing.assert_allclose(whole, expected, rtol=1e-12, atol=1e-12)
    for cell in np.ndindex(expected.shape):
        one = rule.value(node, dict(zip(left, cell, strict=True)), given)
        np.testing.assert_allclose(one, expected[cell], rtol=1e-12, atol=1e-12)


signs = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
leaves = st.sampled_from(["0.5", "1.0", "2.0", "3.25", "-2.0", "-0.75"])


@given(leaves, st.lists(st.tuples(signs, leaves), min_size=1, max_size=5))
def test_signs_bind_as_in_python(first: str, rest: list[tuple[str, str]]) -> None:
    text = " ".join([first, *chain(*rest)])
    try:
        expected = eval(text)
    except (OverflowError, ZeroDivisionError):
        return
    assert number(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a0 - b0 - c0", 2 - 3 - 5),
        ("a0 - (b0 - c0)", 2 - (3 - 5)),
        ("a0 / b0 * c0", 2 / 3 * 5),
        ("-a0 ** b0", -8),
        ("(-a0) ** b0 ** a0", (-2) ** 9),
        ("a0 + b0 < c0", 0),
        ("a0 + b0 <= c0", 1),
        ("a0 + b0 == c0", 1),
        ("c0 > a0 * b0", 0),
        ("where(a0 < b0, -inf, c0)", -math.inf),
        ("relu(a0 - b0) + relu(c0)", 5),
        ("sqrt(b0) * exp(-a0) + log(c0)", math.sqrt(3) * math.exp(-2) + math.log(5)),
        ("sin(a0) * cos(b0) + tanh(c0 / 9)", math.sin(2) * math.cos(3) + math.tanh(5 / 9)),
        ("erf(a0 / b0)", math.erf(2 / 3)),
        ("(a0 < b0) + (b0 < c0)", 2),
        ("(a0 < b0) - (c0 < b0)", 1),
        ("exp(a0 < b0)", math.e),
        ("sigmoid(a0 - b0)", 1 / (1 + math.e)),
        ("sigmoid(0) + sigmoid(inf) - sigmoid(-inf)", 1.5),
        ("abs(a0 - c0) * abs(b0)", 9),
        ("sign(a0 - b0) + 10 * sign(c0) + sign(a0 - a0)", 9),
        ("floor(c0 / a0) + floor(-c0 / a0)", 2 - 3),
        ("minimum(b0, a0) ** maximum(a0, b0)", 8),
        ("maximum(-inf, minimum(inf, c0))", 5),
        ("minimum(maximum(c0, a0), b0)", 3),
    ],
)
def test_functions_and_signs_are_those_of_mathematics(text: str, expected: float) -> None:
    assert number(text, a0=2.0, b0=3.0, c0=5.0) == pytest.approx(expected, rel=1e-14)


plain = st.floats(-1e6, 1e6)


@given(plain, plain)
def test_functions_of_numbers_are_pythons_own(a: float, b: float) -> None:
    for text, expected in (
        ("abs(aa)", abs(a)),
        ("floor(aa)", math.floor(a)),
        ("sign(aa)", (a > 0) - (a < 0)),
        ("minimum(aa, bb)", min(a, b)),
        ("maximum(aa, bb)", max(a, b)),
        ("relu(aa)", max(0.0, a)),
        ("sigmoid(aa)", 1 / (1 + math.exp(-a)) if a > -700 else 0.0),
    ):
        assert number(text, aa=a, bb=b) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(seeds)
def test_functions_of_many_cells_are_those_of_each_cell(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(3, 4)) * 3
    text = "minimum(floor(X[a, b]), sign(X[a, b])) + sigmoid(maximum(X[a, b], a)) * abs(b - 2)"
    grid = dict(zip("ab", np.ix_(range(3), range(4)), strict=True))
    whole = rule.value(rule.parse(text), grid, {"X": x})
    for a, b in np.ndindex(3, 4):
        value = float(x[a, b])
        sigmoid = 1 / (1 + math.exp(-max(value, a)))
        least = min(math.floor(value), (value > 0) - (value < 0))
        assert whole[a, b] == pytest.approx(least + sigmoid * abs(b - 2), rel=1e-12)


@given(seeds)
def test_a_row_is_looked_up_by_the_number_that_another_operand_holds(seed: int) -> None:
    make = np.random.default_rng(seed)
    table, ids = make.normal(size=(7, 3)), make.integers(7, size=5)
    node = rule.parse("2 * W_E[ids[t], d]")
    at = dict(zip("td", np.ix_(range(5), range(3)), strict=True))
    found = rule.value(node, at, {"W_E": table, "ids": ids.astype(float)})
    for t, i in enumerate(ids):
        for d in range(3):
            assert found[t, d] == 2 * table[i, d]


def test_a_head_reads_the_keys_of_its_group() -> None:
    given = {"k": np.arange(6.0).reshape(2, 3), "shared": np.asarray(3)}
    node = rule.parse("k[h // shared, s]")
    found = [float(rule.value(node, {"h": h, "s": 1}, given)) for h in range(6)]
    assert found == [1, 1, 1, 4, 4, 4]


@given(seeds)
def test_a_mean_a_maximum_and_its_place_are_those_of_loops(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(3, 4, 5))
    for a in range(3):
        flat = [float(x[a, b, c]) for b in range(4) for c in range(5)]
        for kind, expected in (
            ("mean", math.fsum(flat) / 20),
            ("max", sorted(flat)[-1]),
            ("argmax", flat.index(sorted(flat)[-1])),
        ):
            found = rule.value(rule.parse(f"{kind}(b, c, X[a, b, c])"), {"a": a}, {"X": x})
            assert float(found) == pytest.approx(expected, rel=1e-12)


def test_a_sum_within_a_sum_has_an_index_of_its_own() -> None:
    x, y = np.array([2.0, 3, 5]), np.array([7.0, 11])
    node = rule.parse("sum(d, X[d] * sum(e, where(e < d, Y[e], 0)))")
    expected = sum(x[d] * sum(y[e] for e in range(2) if e < d) for d in range(3))
    assert float(rule.value(node, {}, {"X": x, "Y": y})) == expected


def test_three_sums_within_each_other_are_loops() -> None:
    make = np.random.default_rng(3)
    x, y, z = make.normal(size=(2, 3)), make.normal(size=(3, 4)), make.normal(size=4)
    text = "sum(a, max(b, X[a, b] * sum(c, relu(Y[b, c]) * Z[c])) - mean(c, Z[c]))"
    expected = sum(
        max(x[a, b] * sum(max(0, y[b, c]) * z[c] for c in range(4)) for b in range(3)) - sum(z) / 4
        for a in range(2)
    )
    found = float(rule.value(rule.parse(text), {}, {"X": x, "Y": y, "Z": z}))
    assert found == pytest.approx(expected, rel=1e-12)


def test_what_is_seen_of_an_operand_is_not_what_is_looked_up() -> None:
    node = rule.parse("x[ids[t]] * scale")
    given = {"x": np.array([0.26, 1.44]), "ids": np.array([1.0, 0.0]), "scale": np.asarray(2.6)}
    assert float(rule.value(node, {"t": 0}, given, np.rint)) == 1 * 3


@pytest.mark.parametrize(
    "text",
    [
        *("x.shape", "x.__class__", "open(x)", "__import__(x)", "eval(x)", "f(x)(x)", "x.f(t)"),
        *(
            "lambda t: t",
            "'x'",
            "f'{x}'",
            "b'x'",
            "1j",
            "None",
            "...",
            "x[0:1]",
            "x[t][s]",
            "x[*t]",
        ),
        *("[t]", "(t, s)", "{t}", "t if s else t", "t and s", "not t", "~t", "+t", "t @ s"),
        *("t < s < d", "t != s", "t >= s", "t in s", "(t := 1)", "sum(1, x[d])", "sum(dd, x[dd])"),
        *("sum()", "", "1 +", "t; s", "import os", "t = 1", "[t for t in s]", "x\0"),
    ],
)
def test_what_is_no_rule_is_refused_by_its_own_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a rule: .+") as caught:
        rule.parse(text)
    assert str(caught.value).startswith(repr(text))


@pytest.mark.parametrize(
    "text",
    [
        *("sum(d, x[d], axis=0)", "exp(x, out=x)", "exp()", "exp(x, x)", "where(x, 1)"),
        *("sum(x[0])", "minimum(x)", "maximum(x, x, x)", "abs(x, x)", "sign()", "floor(x, 1)"),
        *("sigmoid(x, out=x)", "round(x)", "min(x, x)", "max(x)"),
    ],
)
def test_a_function_is_refused_with_arguments_that_it_does_not_take(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rule"):
        rule.parse(text)


def test_an_operand_that_is_not_given_is_named() -> None:
    with pytest.raises(KeyError, match="W_Q"):
        rule.value(rule.parse("W_Q[h] + 1"), {"h": 0}, {})


def test_an_index_without_an_end_is_named() -> None:
    with pytest.raises(ValueError, match="how far e goes"):
        rule.value(rule.parse("sum(e, x[d])"), {"d": 0}, {"x": np.ones(3)})


def test_operands_are_named_once_in_the_order_of_writing() -> None:
    node = rule.parse("sum(d, x[ids[t], d] * W[d]) + where(x[t, 0] < past, bias, -inf)")
    assert rule.operands(node) == ("x", "ids", "W", "past", "bias")


def test_factors_are_what_is_multiplied_and_a_sum_is_one_of_them() -> None:
    node = rule.parse("x[t] * (y[t] + z[t] * 2) * -weight / 3 * v0")
    expected = ("x[t] * (y[t] + z[t] * 2) * -weight / 3", "v0")
    assert rule.factors(node) == tuple(map(rule.parse, expected))
    assert rule.factors(rule.parse("x[t] + y[t]")) == (rule.parse("x[t] + y[t]"),)
    assert len(rule.factors(rule.parse("x[t] * (y[t] * z[t])"))) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k[h // one, s]", "k[h, s]"),
        ("sum(s, p[h, s] * v[h // one, s])", "sum(s, p[h, s] * v[h, s])"),
        ("where(k[h // one, s] < 0, -k[h // one, s], 1)", "where(k[h, s] < 0, -k[h, s], 1)"),
        ("k[h // two, s]", "k[h // two, s]"),
        ("k[h // unknown, s]", "k[h // unknown, s]"),
        ("k[h % one, s]", "k[h % one, s]"),
        ("x[t] / one", "x[t] / one"),
        ("x[t] * one", "x[t] * one"),
        ("x[t] // one", "x[t] // one"),
    ],
)
def test_only_divisions_of_an_index_by_one_are_left_out(text: str, expected: str) -> None:
    given = {"one": np.asarray(1.0), "two": np.asarray(2.0)}
    assert rule.plain(rule.parse(text), given) == rule.parse(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("0 / zero", math.nan),
            ("log(zero)", -math.inf),
            ("1 / zero", math.inf),
            ("exp(1000)", math.inf),
        ),
        *(("inf - inf", math.nan), ("inf / inf", math.nan), ("sqrt(zero - 1)", math.nan)),
        *(("exp(-inf)", 0), ("where(zero > 0, 1 / zero, 7)", 7), ("max(d, y[d])", math.inf)),
        *(("sum(d, y[d])", math.nan), ("2 ** inf", math.inf), ("zero % zero", math.nan)),
        *(("sigmoid(-1000)", 0), ("sigmoid(1000)", 1), ("sign(-inf)", -1), ("abs(-inf)", math.inf)),
        *(
            ("floor(inf)", math.inf),
            ("sign(0 / zero)", math.nan),
            ("minimum(inf, -inf)", -math.inf),
        ),
        *(("maximum(0 / zero, 1)", math.nan), ("relu(-inf)", 0)),
    ],
)
def test_numbers_that_are_not_finite_go_their_way_without_a_warning(
    text: str, expected: float
) -> None:
    found = number(text, zero=0.0, y=[math.inf, -math.inf, 1.0])
    assert found == expected or (math.isnan(found) and math.isnan(expected))
