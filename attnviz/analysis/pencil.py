"""How many digits a reader needs: the fewest with which what is written adds up to what is written.

A pocket calculator knows only the digits on the page. So a term is written as the product of its
factors as they are written, and both get as many digits as it takes for the sum to come out right.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from attnviz.analysis.derivation import ENOUGH, Terms, significant

SHOWN = 4


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
        return round(math.fsum(self.terms), self.n_total)


def decimals(value: float, n: int = SHOWN) -> int:
    """Decimals of a number written with `n` significant digits; `n` for 0 and unusual ones."""
    if not math.isfinite(value) or value == 0:
        return n
    return max(0, n - 1 - math.floor(math.log10(abs(value))))


def written(terms: Terms) -> Written:
    """The terms with the fewest digits that give the sum: of a mean, the sum before dividing."""
    total = math.fsum(terms.values)
    at_total = decimals(total)
    found = None
    for n, more in ((n, more) for n in ENOUGH for more in range(3)):
        factors = significant(terms.factors, n) if len(terms.factors) > 1 else terms.factors
        with np.errstate(all="ignore"):
            product = np.round(np.prod(factors, axis=0), at_total + more)
        found = Written(factors, product, n, at_total + more, at_total, False)
        if not np.isfinite(total) or found.total == round(total, at_total):
            return replace(found, enough=True)
    assert found is not None
    return found
