"""How many digits a reader needs: the fewest with which what is written adds up to what is written.

A pocket calculator knows only the digits on the page. So a term is written as the product of its
factors as they are written, and both get as many digits as it takes for the sum to come out right.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from attnviz.analysis.derivation import ENOUGH, Terms, significant

SHOWN, PRECISE = 4, 12
MORE = 5
"""Digits that a sum may have beyond SHOWN for what is computed from it."""
MOST = 308
"""Decimals of the smallest numbers that there are."""


@dataclass(frozen=True, eq=False)
class Written:
    """Terms as they are written: `factors` F x N and `terms` N, rounded, and their `total`, the sum
    of the rounded terms. `n_factor` are significant digits, `places` and `n_total` decimals.
    `enough` is False where even the most digits do not give the sum to `n_total` decimals."""

    factors: np.ndarray
    terms: np.ndarray
    n_factor: int
    places: int
    n_total: int
    enough: bool

    @property
    def total(self) -> float:
        if not np.isfinite(self.terms).all():
            with np.errstate(invalid="ignore"):
                return float(self.terms.sum())
        return round(math.fsum(self.terms), self.n_total)


def decimals(value: float, n: int = SHOWN) -> int:
    """Decimals of a number written with `n` significant digits; `n` for 0 and unusual ones."""
    if not math.isfinite(value) or value == 0:
        return n
    return min(MOST, max(0, n - 1 - math.floor(math.log10(abs(value)))))


def written(terms: Terms, closes: Callable[[float], bool] = lambda _: True) -> Written:
    """The terms with the fewest digits that give the sum (of a mean, the sum before dividing); and
    the sum with as many as it takes for `closes`, which tells whether what is computed from it
    comes out as it is written."""
    if not np.isfinite(terms.values).all():
        return Written(terms.factors, terms.values, ENOUGH[0], SHOWN, SHOWN, False)
    total = math.fsum(terms.values)
    for digits in range(SHOWN, SHOWN + MORE):
        found = _adding(terms, total, decimals(total, digits))
        if found.enough and closes(found.total):
            return found
    return replace(_adding(terms, total, decimals(total)), enough=False)


def _adding(terms: Terms, total: float, at_total: int) -> Written:
    """The fewest digits that give the `total` with `at_total` decimals."""
    more = 1 + math.ceil(math.log10(len(terms.values)))  # what many small roundings may add up to
    for places in range(at_total, at_total + more + 1):
        for n in ENOUGH if len(terms.factors) > 1 else ENOUGH[:1]:
            found = _rounded(terms, n, places, at_total)
            if found.total == round(total, at_total):
                return replace(found, enough=True)
    precise = decimals(np.abs(terms.values).max(), PRECISE)
    return _rounded(terms, ENOUGH[-1], min(at_total + 2, precise), at_total)


def _rounded(terms: Terms, n: int, places: int, n_total: int) -> Written:
    factors = significant(terms.factors, n) if len(terms.factors) > 1 else terms.factors
    product = np.round(np.prod(factors, axis=0), min(places, MOST))
    return Written(factors, product, n, min(places, MOST), n_total, False)
