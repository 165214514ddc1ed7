"""An n-gram language model: what a neural one must beat to be worth its attention.

Interpolated Kneser-Ney smoothing with three discounts an order (Chen and Goodman 1998, "An
Empirical Study of Smoothing Techniques for Language Modeling", TR-10-98). Grams that begin a
sequence keep their plain counts at every order, for nothing can stand before them (Heafield et al.
2013, "Scalable Modified Kneser-Ney Language Model Estimation"). Grams are numbered by one numpy
sort an order, so that millions of symbols take seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NOWHERE = -1
_FEW = (0.5, 1.0, 1.5)  # discounts where counts are too few to estimate them: KenLM's


class NGram:
    """p(symbol | the `n` - 1 symbols before it) over ids 0 .. `size` - 1, learnt from `sequences`.

    A sequence is a sentence or a document and ends with its own end symbol; the start symbol is
    added here. Raises ValueError for nothing to learn from, `n` < 1, or an id out of range."""

    def __init__(self, sequences: Iterable[Sequence[int]], *, n: int, size: int) -> None:
        if n < 1:
            raise ValueError(f"an n-gram has at least 1 symbol, not {n}")
        self._size = size
        symbols, place = self._row(sequences)
        if not place.any():
            raise ValueError("no sequences to learn from")
        self._orders = _orders(symbols, place, n, size + 1)

    def bits(self, sequence: Sequence[int]) -> float:
        """-log2 p of the whole sequence as it stands: no end symbol is added."""
        return float(-np.log2(self.probabilities(sequence)).sum())

    def probabilities(self, sequence: Sequence[int]) -> Floats:
        """p of every symbol of `sequence`, given all those before it."""
        symbols, _ = self._row([sequence])
        found = np.full(len(symbols), 1 / self._size)
        context = np.zeros_like(symbols)
        for order in self._orders:
            number = order.number(context * (self._size + 1) + symbols)
            own = np.where(number == _NOWHERE, 0, order.own[number])
            found = np.where(context == _NOWHERE, found, own + order.rest[context] * found)
            context = np.append(_NOWHERE, number[:-1])
        return found[1:]

    def _row(self, sequences: Iterable[Sequence[int]]) -> tuple[Ints, Ints]:
        """All sequences in one row, a start symbol (id `size`) before each, and the place of every
        symbol in its own sequence, 0 for the start."""
        rows = [(self._size, *sequence) for sequence in sequences]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        symbols = np.fromiter(chain.from_iterable(rows), np.int64, int(lengths.sum()))
        place = np.arange(len(symbols)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        wrong = symbols[(place > 0) & ((symbols < 0) | (symbols >= self._size))]
        if len(wrong):
            raise ValueError(f"symbol {wrong[0]} is not one of 0 .. {self._size - 1}")
        return symbols, place


@dataclass(frozen=True, kw_only=True)
class _Order:
    """The grams of one length. A gram's number is its place in `key`, sorted: the number of its
    context (a gram of the order below) times the width, plus its last symbol."""

    key: Ints
    own: Floats  # a gram's discounted share of what follows its context
    rest: Floats  # the share that a context leaves to the order below; 1 where nothing follows it

    def number(self, key: Ints) -> Ints:
        """Number of the gram of every key, or -1."""
        place = np.searchsorted(self.key, key).clip(max=len(self.key) - 1)
        return np.where(self.key[place] == key, place, _NOWHERE)


def _orders(symbols: Ints, place: Ints, n: int, width: int) -> list[_Order]:
    """Orders 1 .. n, fewer where no sequence is so long. The highest has plain counts; the others
    count the different symbols that stand before a gram, found while the next order is numbered."""
    key, number, n_contexts, orders = np.arange(width), symbols, 1, []
    for k in range(1, n + 1):
        plain = (place >= k - 1 if k == n else place == k - 1) & (place > 0)
        counts = np.bincount(number[plain], minlength=len(key))
        longer = np.flatnonzero(place >= k) if k < n else symbols[:0]
        next_key, first, where = np.unique(
            number[longer - 1] * width + symbols[longer], return_index=True, return_inverse=True
        )
        counts += np.bincount(number[longer[first]], minlength=len(key))
        orders.append(_order(key, counts, key // width, n_contexts))
        if not len(longer):
            break
        number = np.full_like(symbols, _NOWHERE)
        number[longer] = where
        n_contexts, key = len(key), next_key
    return orders


def _order(key: Ints, counts: Ints, context: Ints, n_contexts: int) -> _Order:
    total = np.bincount(context, counts, n_contexts)
    discount = _discounts(counts)[counts.clip(max=3)]
    left = np.bincount(context, discount, n_contexts)
    rest = np.divide(left, total, out=np.ones(n_contexts), where=total > 0)
    return _Order(key=key, own=(counts - discount) / total[context], rest=rest)


def _discounts(counts: Ints) -> Floats:
    """What is taken from a count of 0, 1, 2, and 3 or more (Chen and Goodman's D1, D2, D3+)."""
    n1, n2, n3, n4 = np.bincount(counts.clip(max=5), minlength=6)[1:5].tolist()
    if min(n1, n2, n3):
        y = n1 / (n1 + 2 * n2)
        found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        if min(found) > 0:
            return np.array((0, *found))
    return np.array((0, *_FEW))
