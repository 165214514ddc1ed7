"""A cell's number comes out of its rule, its terms and the digits that are shown of them."""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import attnviz
from attnviz import rule
from attnviz.analysis.derivation import ENOUGH, Derivation, derivation, same, significant
from attnviz.pretrained import Bundle
from attnviz.recorder import Recorder, Step
from attnviz.rule import Reduce
from attnviz.textbook import Lesson
from attnviz.trace import Trace


def cells(trace: Trace, n: int = 3) -> Iterator[Derivation]:
    """A few cells of every step."""
    for path, kept in trace.items():
        letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
        shape = kept.value.shape[: len(letters)]
        draw = random.Random(path)
        for _ in range(n):
            yield derivation(
                trace, path, {x: draw.randrange(i) for x, i in zip(letters, shape, strict=True)}
            )


def close(a: float, b: float, tolerance: float = 1e-9) -> bool:
    return a == b or abs(a - b) <= tolerance * max(1.0, abs(b))


def test_every_number_comes_out_of_its_rule(walk: Trace) -> None:
    for found in cells(walk):
        assert found.found == float(
            walk[found.kept.path].value.squeeze(-1)[tuple(found.at.values())]
        )
        given = found.kept.step.rule
        assert (found.node is None) == (not given), found.kept.path
        assert close(found.value, found.found), found.kept.path
        assert found.follows


def test_the_difference_is_what_rounding_makes(walk: Trace) -> None:
    for found in cells(walk):
        assert found.difference == 0 or found.difference == found.value - found.found
        assert close(found.found + found.difference, found.found), found.kept.path


def test_in_float32_the_difference_is_rounding_too(bundle: Bundle) -> None:
    trace = attnviz.run(bundle, "I like tea", "我喜欢", to="zh")
    for found in cells(trace):
        terms = found.terms
        size = max(
            1.0,
            abs(found.found),
            *(np.abs(terms.values[np.isfinite(terms.values)]) if terms else ()),
        )
        assert abs(found.difference) <= 1e-5 * size, found.kept.path


def test_terms_make_the_sum_the_mean_or_the_maximum(walk: Trace) -> None:
    totals: dict[str, Callable[[list[float]], float]] = {
        "sum": math.fsum,
        "mean": lambda values: math.fsum(values) / len(values),
        "max": lambda values: sorted(values)[-1],
        "argmax": lambda values: values.index(sorted(values)[-1]),
    }
    for found in cells(walk):
        if terms := found.terms:
            expected = totals[terms.reduce.kind](terms.values.tolist())
            assert close(terms.total, expected), found.kept.path
            whole = found.node is terms.reduce
            assert not whole or terms.total == found.value


def test_a_term_is_the_product_of_its_factors(walk: Trace) -> None:
    for found in cells(walk):
        if terms := found.terms:
            for values, expected in zip(
                terms.factors.T.tolist(), terms.values.tolist(), strict=True
            ):
                assert close(math.prod(values), expected), found.kept.path


def test_a_term_is_the_rule_of_what_is_summed_at_its_place(walk: Trace) -> None:
    for found in cells(walk, 1):
        if terms := found.terms:
            assert len({tuple(place) for place in terms.places.tolist()}) == terms.values.size
            for i in random.Random(found.kept.path).sample(range(terms.values.size), k=2):
                place = dict(zip(terms.reduce.letters, terms.places[i].tolist(), strict=True))
                expected = rule.value(terms.reduce.body, {**found.at, **place}, found.given)
                assert terms.values[i] == expected


def test_exactly_the_rules_with_a_sum_have_terms(walk: Trace) -> None:
    for found in cells(walk, 1):
        has_sum = any(f"{kind}(" in found.kept.step.rule for kind in ("sum", "mean", "max"))
        assert (found.terms is not None) == has_sum, found.kept.path
        assert found.terms is None or isinstance(found.terms.reduce, Reduce)


def test_the_digits_that_are_shown_of_operands_give_four_digits(walk: Trace) -> None:
    for found in cells(walk):
        if found.node is None or found.digits == ENOUGH[-1]:
            continue

        def seen(x: np.ndarray, n: int = found.digits) -> np.ndarray:
            return np.vectorize(lambda i: i if i == round(i) else float(f"{i:.{n}g}"))(x)

        with_inf = {k: np.nan_to_num(v, neginf=-1e300) for k, v in found.given.items()}
        shown = float(rule.value(found.node, found.at, with_inf, seen))
        assert f"{shown:.4g}" == f"{found.found:.4g}" or found.found == -math.inf, found.kept.path


def test_sizes_are_those_of_the_indices_and_an_index_alone_is_told() -> None:
    trace = Lesson().run()
    found = derivation(trace, "attend.pattern", {"h": 0, "t": 0, "s": 2})
    assert found.sizes == {"h": 1, "t": 1, "s": 3}
    assert found.alone == {"h", "t"}
    assert derivation(trace, "attend.sum", {"h": 0, "t": 0}).sizes == {"h": 1, "t": 1}


def test_what_is_given_from_outside_has_no_rule(walk: Trace) -> None:
    for path in [p for p, kept in walk.items() if not kept.step.rule]:
        found = derivation(walk, path, dict.fromkeys("tsd", 0))
        assert (found.node, found.terms, found.given, found.difference) == (None, None, {}, 0)
        assert found.value == found.found
        assert found.follows


def test_a_loaded_trace_follows_where_no_weight_is_needed(bundle: Bundle, tmp_path: Path) -> None:
    attnviz.run(bundle, "I like tea", "我", to="zh").save(tmp_path / "a.npz")
    loaded = Trace.load(tmp_path / "a.npz")
    place = {"h": 1, "t": 0, "s": 2, "k": 3, "e": 1, "d": 4, "v": 9}
    for name, known in (("q", False), ("raw", True), ("pattern", True), ("out", False)):
        found = derivation(loaded, f"decoder.0.cross.{name}", place)
        assert (found.node is not None) == known
        assert close(found.value, found.found, 1e-5)


def test_heads_that_share_no_keys_are_not_divided(bundle: Bundle) -> None:
    trace = attnviz.run(bundle, "I like tea", "我", to="zh")
    found = derivation(trace, "encoder.0.self.raw", {"h": 2, "t": 1, "s": 3})
    assert found.node == rule.parse("sum(k, q[h, t, k] * k[h, s, k])")


@pytest.mark.parametrize(
    ("path", "at", "error"),
    [
        ("encoder.0.self.nothing", {}, KeyError),
        ("encoder.0.self.q", {"h": 0, "t": 0}, KeyError),
        ("encoder.0.self.q", {"h": 3, "t": 0, "k": 0}, IndexError),
    ],
)
def test_a_cell_that_is_not_there_is_refused(
    bundle: Bundle, path: str, at: dict[str, int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        derivation(attnviz.run(bundle, "I like tea", "我", to="zh"), path, at)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_two_infinities_alike_do_not_differ(value: float) -> None:
    rec = Recorder()
    x = rec.keep(Step("x", "T", "x"), torch.tensor([[1.0, value]]))
    rec.keep(Step("y", "T", "y", "x[t] * 2"), x * 2, x=x)
    found = derivation(Trace.of(rec), "y", {"t": 1})
    assert (found.value, found.difference, found.follows) == (value, 0.0, True)


numbers: Any = st.floats(-1e12, 1e12) | st.floats(-1e-3, 1e-3)


@given(value=numbers, n=st.sampled_from(ENOUGH))
def test_rounded_to_its_digits_a_number_is_as_it_is_written(value: float, n: int) -> None:
    found = float(significant(np.array([value]), n)[0])
    if value == round(value) and abs(value) < 1e9:
        assert found == value
        return
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - n + 1)
    assert abs(found - value) <= 0.5000001 * unit
    assert math.isclose(found, float(f"{found:.{n}g}"), rel_tol=1e-12)


@pytest.mark.parametrize("value", [1e-300, 2.5e-304, 1.2345e-306, 5e-324, 1.7e308])
def test_the_smallest_and_largest_numbers_keep_their_digits(value: float) -> None:
    for n in ENOUGH:
        assert float(significant(np.array([value]), n)[0]) == pytest.approx(value, rel=1e-3)


def test_numbers_that_are_not_finite_and_zero_stay() -> None:
    values = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0])
    np.testing.assert_array_equal(significant(values, 4), values)


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        *(
            (1.23449, 1.23451, False),
            (1.23451, 1.23454, True),
            (0.0, -0.0, True),
            (0.0, 1e-9, False),
        ),
        *((math.inf, math.inf, True), (math.inf, -math.inf, False), (math.nan, math.nan, True)),
    ],
)
def test_numbers_are_alike_where_four_digits_are(a: float, b: float, alike: bool) -> None:
    assert same(a, b) == alike
