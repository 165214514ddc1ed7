"""How one cell of a step came about: its rule, the numbers it was made of, and its terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from attnviz import rule
from attnviz.recorder import Kept
from attnviz.rule import At, Node, Reduce
from attnviz.trace import Trace

WHOLE = 1e9
"""Whole numbers below are written as they are."""
ENOUGH = range(4, 10)
"""Digits that operands may be shown with; nine give every float32 back."""


@dataclass(frozen=True, eq=False)
class Terms:
    """What a sum, mean or maximum is taken over, one number for each place.

    `places` N x letters, `factors` F x N are what is multiplied in each term (one factor where
    nothing is), `values` N the terms, `total` their sum, mean, maximum or the place of it.
    """

    reduce: Reduce
    places: np.ndarray
    factors: np.ndarray
    values: np.ndarray
    total: float


@dataclass(frozen=True, eq=False)
class Derivation:
    """One cell of a step: `at` tells where each index stands, `found` is the recorded number.

    `given` are the operands' numbers by their names in the rule, in float64; `node` is None for a
    step that is given from outside, or whose weights a loaded trace does not have.
    """

    kept: Kept
    at: Mapping[str, int]
    given: Mapping[str, np.ndarray]
    node: Node | None
    found: float

    @cached_property
    def sizes(self) -> dict[str, int]:
        """How many values every index of the step has."""
        return sizes(self.kept)

    @property
    def alone(self) -> frozenset[str]:
        """The indices that have one value only."""
        return frozenset(letter for letter, n in self.sizes.items() if n == 1)

    @cached_property
    def value(self) -> float:
        """The number that the rule gives in float64; `found` is the model's own."""
        return (
            self.found if self.node is None else float(rule.value(self.node, self.at, self.given))
        )

    @property
    def difference(self) -> float:
        """`value` less `found`: the rounding of the model's number format; 0 where both are the
        same infinity."""
        return 0.0 if self.value == self.found else self.value - self.found

    @cached_property
    def terms(self) -> Terms | None:
        """The terms of the outermost sum, mean or maximum; None where the rule has none."""
        reduces = (n for n in rule.walk(self.node) if isinstance(n, Reduce)) if self.node else ()
        return next((self._terms(n) for n in reduces), None)

    def _terms(self, node: Reduce) -> Terms:
        grid, shape = rule.grids(node, self.at, self.given)
        at = {**self.at, **grid}

        def flat(part: Node) -> np.ndarray:
            return np.broadcast_to(rule.value(part, at, self.given), shape).reshape(-1)

        places = np.indices(shape).reshape(len(shape), -1).T
        factors = np.stack([flat(part) for part in rule.factors(node.body)])
        total = float(rule.value(node, self.at, self.given))
        return Terms(node, places, factors, flat(node.body), total)

    @cached_property
    def digits(self) -> int:
        """How many digits of its operands give the number to four; the most there are where the
        model's own rounding is larger than that."""
        return self.digits_of(self.at, [self.found])

    def digits_of(self, at: At, found: Sequence[float]) -> int:
        """How many digits of the operands give each of the numbers `found`, whose places `at` tells
        with a grid."""
        if self.node is None:
            return ENOUGH[0]
        for n in ENOUGH:
            seen = rule.value(self.node, at, self.given, lambda x, n=n: significant(x, n))
            written = np.broadcast_to(seen, len(found)).tolist()
            if all(same(a, b) for a, b in zip(written, found, strict=True)):
                return n
        return ENOUGH[-1]

    def closed(self, total: float) -> float:
        """The number with `total`, as it is written, in the place of the outermost sum; the other
        operands with `digits` digits. Of a mean, `total` is the sum."""
        assert self.node is not None
        assert self.terms is not None, "a rule without terms has nothing to close"
        node = self.terms.reduce
        inner = total / len(self.terms.values) if node.kind == "mean" else total
        closing = rule.put(self.node, node, rule.Number(inner))
        return float(
            rule.value(closing, self.at, self.given, lambda x: significant(x, self.digits))
        )

    @property
    def follows(self) -> bool:
        """Whether the number, to four digits, comes out of what is shown."""
        return same(self.value, self.found)


def same(a: float, b: float, n: int = 4) -> bool:
    """Whether two numbers are written alike with `n` significant digits."""
    return f"{a:.{n}g}" == f"{b:.{n}g}" or abs(a) == abs(b) == 0


def significant(values: np.ndarray, n: int) -> np.ndarray:
    """Numbers rounded to `n` significant digits; whole ones, and those not finite, stay."""
    values = np.asarray(values, dtype=np.float64)
    usual = np.isfinite(values) & (values != 0)
    whole = (values == np.rint(np.where(usual, values, 0))) & (np.abs(values) < WHOLE)
    lift = np.where(np.abs(values) < 1e-150, 1e150, 1.0)  # ten to the power of 300 is too much
    lifted = np.where(usual, values, 1) * lift
    power = 10.0 ** (n - 1 - np.floor(np.log10(np.abs(lifted))))
    return np.where(usual & ~whole, np.rint(lifted * power) / power / lift, values)


def letters(kept: Kept) -> tuple[str, ...]:
    """The indices of a step's cell: its axes in small letters, those of one place left out."""
    return tuple(letter.lower() for letter in kept.step.axes.split() if letter != "1")


def sizes(kept: Kept) -> dict[str, int]:
    """How many values each of the `letters` has."""
    along = zip(kept.step.axes.split(), kept.value.shape, strict=True)
    return {letter.lower(): size for letter, size in along if letter != "1"}


def numbers(kept: Kept) -> np.ndarray:
    """The recorded numbers in float64, an axis for each of the `letters`."""
    axes = kept.axes.split()
    alone = tuple(i for i, letter in enumerate(axes) if letter == "1")
    return kept.value.double().numpy().squeeze(alone)


def derivation(trace: Trace, path: str, at: Mapping[str, int]) -> Derivation:
    """The cell `at` ({"h": 0, "t": 3, "s": 5}) of a step. Raises KeyError where the trace has no
    such step or an index is missing, IndexError for a cell outside."""
    kept = trace[path]
    cell = {letter: at[letter] for letter in letters(kept)}
    found = float(numbers(kept)[tuple(cell.values())])
    node = rule.parse(kept.step.rule) if kept.step.rule else None
    given = operands(trace, kept) if node else {}
    if node and set(rule.operands(node)) - set(given):
        node = None
    node = rule.plain(node, given) if node else None
    return Derivation(kept, cell, given, node, found)


def operands(trace: Trace, kept: Kept) -> dict[str, np.ndarray]:
    """The numbers that a step was made of, by their names in its rule; what is not there, because
    a saved trace has no weights, is left out."""
    found: dict[str, np.ndarray] = {}
    for name, given in kept.inputs.items():
        if not isinstance(given, str):
            found[name] = np.asarray(float(given))
        elif given in trace:
            found[name] = numbers(trace[given])
        elif given in trace.weights:
            found[name] = weight(trace, given)
    return found


def weight(trace: Trace, name: str) -> np.ndarray:
    return trace.weights[name].detach().cpu().double().numpy()
