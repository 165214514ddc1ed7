"""What is written adds up to what is written: with a pencil, in exact decimal arithmetic."""

import math
import random
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from attnviz.analysis.derivation import Terms, derivation
from attnviz.analysis.pencil import Written, decimals, written
from attnviz.figures.arithmetic import fixed
from attnviz.figures.number import shortest
from attnviz.rule import Index, Reduce
from attnviz.textbook import Lesson
from attnviz.trace import Trace

SUM = Reduce("sum", ("k",), Index("k"))


def read(text: str) -> Decimal:
    """The number that stands on the page."""
    return Decimal(text.replace("−", "-"))


def terms(*factors: list[float]) -> Terms:
    array = np.array(factors)
    values = array.prod(axis=0)
    with np.errstate(invalid="ignore"):
        return Terms(SUM, np.arange(values.size)[:, None], array, values, float(values.sum()))


def sums(trace: Trace) -> Iterator[Terms]:
    """The terms of one cell of every step that is a sum."""
    for path, kept in trace.items():
        letters = [x.lower() for x in kept.step.axes.split() if x != "1"]
        shape = kept.value.shape[: len(letters)]
        at = {x: random.Random(path).randrange(n) for x, n in zip(letters, shape, strict=True)}
        found = derivation(trace, path, at).terms
        if found and found.reduce.kind in ("sum", "mean"):
            yield found


def check(found: Terms, shown: Written) -> None:
    """All that is written follows from what is written."""
    page = [read(fixed(term, shown.places)) for term in shown.terms]
    total, unit = read(fixed(shown.total, shown.n_total)), Decimal(1).scaleb(-shown.n_total)
    assert abs(sum(page) - total) <= unit / 2
    smallest = Decimal(1).scaleb(-shown.places)
    if len(found.factors) > 1:
        for factors, term in zip(shown.factors.T, page, strict=True):
            product = math.prod(read(shortest(float(x), shown.n_factor)) for x in factors)
            assert abs(product - term) <= smallest / 2
    if shown.enough:
        assert abs(total - Decimal(math.fsum(found.values))) <= unit / 2 * Decimal("1.000001")


def test_every_sum_of_a_walk_adds_up_on_paper(walk: Trace) -> None:
    found = list(sums(walk))
    assert len(found) > 5
    for each in found:
        check(each, written(each))


numbers = st.floats(-100, 100).filter(lambda x: x == 0 or abs(x) > 1e-4)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40)


@given(pairs)
def test_any_products_add_up_on_paper(factors: list[tuple[float, float]]) -> None:
    found = terms(*(list(column) for column in zip(*factors, strict=True)))
    assume(found.total == 0 or abs(found.total) > 1e-6)
    check(found, written(found))


@given(st.lists(numbers, min_size=1, max_size=40))
def test_any_terms_add_up_on_paper(values: list[float]) -> None:
    found = terms(values)
    assume(found.total == 0 or abs(found.total) > 1e-6)
    check(found, written(found))


def test_a_sum_is_written_to_four_digits() -> None:
    shown = written(terms([1.23456, -0.5], [2.0, 0.731]))
    assert fixed(shown.total, shown.n_total) == "2.104"
    assert shown.enough


def test_plain_numbers_need_no_more_than_four_digits() -> None:
    shown = written(terms([0.5, 0.25, -1.5], [2.0, 3.0, 0.5]))
    assert (shown.n_factor, shown.total, shown.terms.tolist()) == (4, 1.0, [1.0, 0.75, -0.75])


def test_terms_that_nearly_cancel_are_written_with_more_digits() -> None:
    found = terms([1.2345678, -1.2345432], [3.1415926, 3.1415926])
    shown = written(found)
    assert shown.n_factor > 4
    assert shown.enough
    check(found, shown)


@pytest.mark.parametrize("n", [64, 1000, 8000])
def test_however_many_small_terms_there_are_they_add_up(n: int) -> None:
    found = terms([1.0, *np.geomspace(4e-5, 4e-7, n).tolist()])
    shown = written(found)
    assert f"{shown.total:.4g}" == f"{math.fsum(found.values):.4g}"
    assert shown.enough


def test_where_no_digits_are_enough_that_is_said() -> None:
    found = terms([1.234567890123, -1.234567890122], [3.0, 3.0])
    shown = written(found)
    assert not shown.enough
    check(found, shown)


@pytest.mark.parametrize("values", [[math.inf, 1.0], [-math.inf, 2.5], [math.nan, 0.5]])
def test_a_sum_that_is_not_finite_is_written_as_it_is(values: list[float]) -> None:
    shown = written(terms(values))
    np.testing.assert_array_equal(shown.terms, values)
    assert fixed(shown.total, shown.n_total) in ("∞", "−∞", "nan")


def test_infinities_of_both_signs_are_written_too() -> None:
    shown = written(terms([math.inf, -math.inf, 1.0]))
    assert fixed(shown.total, shown.n_total) == "nan"


def test_a_large_whole_factor_is_multiplied_as_it_is_written() -> None:
    found = terms([1234567891.0, 2.0], [0.5, 0.25])
    check(found, written(found))


def test_a_weight_near_nothing_is_written_as_a_number() -> None:
    found = terms([1.0, 3e-306], [0.5, 2.0])
    shown = written(found)
    assert np.isfinite(shown.factors).all()
    check(found, shown)


def test_a_sum_near_nothing_is_written_as_a_number() -> None:
    assert written(terms([3e-306, 2e-306])).total == pytest.approx(5e-306, rel=1e-3, abs=0)


def test_a_lesson_of_large_numbers_adds_up_on_paper() -> None:
    lesson = Lesson(x=((1e6, -1e6), (999_983.0, 123_456.75)), q=(7e5, 3.5), activation="none")
    for each in sums(lesson.run()):
        check(each, written(each))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((1.0, 3), (0.5, 4), (0.0123, 5), (123.4, 1), (1234.5, 0), (99999.0, 0), (-0.5, 4)),
        *((0.0, 4), (math.inf, 4), (math.nan, 4)),
    ],
)
def test_decimals_are_those_of_four_digits(value: float, expected: int) -> None:
    assert decimals(value) == expected
