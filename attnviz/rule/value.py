"""The number that a rule gives: of one cell, or of many at once."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from attnviz.rule.node import Apply, Binary, Index, Node, Number, Operand, Reduce, walk

Seen = Callable[[np.ndarray], np.ndarray]
Operands = Mapping[str, np.ndarray]
"""Every operand's numbers in float64; one that is the same for every cell has no axes."""
At = Mapping[str, int | np.ndarray]
"""Where each index stands; arrays are open grids, for many cells at once."""

_ERF = np.vectorize(math.erf, otypes=[np.float64])

FUNCTIONS: Mapping[str, Callable[..., np.ndarray]] = {
    "negative": np.negative,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "erf": _ERF,
    "relu": partial(np.maximum, 0.0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "where": np.where,
}
OPERATORS: Mapping[str, Callable[..., np.ndarray]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "//": np.floor_divide,
    "%": np.mod,
    "<": lambda a, b: np.less(a, b).astype(np.float64),
    "<=": lambda a, b: np.less_equal(a, b).astype(np.float64),
    ">": lambda a, b: np.greater(a, b).astype(np.float64),
    "==": lambda a, b: np.equal(a, b).astype(np.float64),
}
"""A comparison is 1 where it is true, else 0."""
REDUCTIONS: Mapping[str, Callable[..., np.ndarray]] = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "argmax": np.argmax,
}


def plain(node: Node, given: Operands) -> Node:
    """The rule without divisions of an index by 1: k[h // n, s] where no heads share their keys."""
    match node:
        case Binary("//", Index() as left, Operand(name=name)) if given.get(name) == 1:
            return left
        case Operand(at=nodes):
            return replace(node, at=tuple(plain(n, given) for n in nodes))
        case Apply(arguments=nodes):
            return replace(node, arguments=tuple(plain(n, given) for n in nodes))
        case Binary(left=left, right=right):
            return replace(node, left=plain(left, given), right=plain(right, given))
        case Reduce(body=body):
            return replace(node, body=plain(body, given))
    return node


def value(node: Node, at: At, given: Operands, seen: Seen = np.asarray) -> np.ndarray:
    """The number of one cell, or of many where `at` holds open grids; `seen` is what a reader sees
    of an operand's number (rounded, say). Numbers that are not finite go their way without a
    warning. Raises KeyError where an operand is not given."""
    with np.errstate(all="ignore"):
        return np.asarray(_value(node, at, given, seen))


def _value(node: Node, at: At, given: Operands, seen: Seen) -> np.ndarray:
    match node:
        case Number(value=number):
            return np.asarray(number)
        case Index(letter=letter):
            return np.asarray(at[letter])
        case Operand(name=name, at=()):
            return seen(given[name])
        case Operand(name=name, at=indices):
            where = tuple(_value(i, at, given, np.asarray).astype(int) for i in indices)
            return seen(given[name][where])
        case Apply(function=function, arguments=arguments):
            return FUNCTIONS[function](*(_value(a, at, given, seen) for a in arguments))
        case Binary(symbol=symbol, left=left, right=right):
            return OPERATORS[symbol](_value(left, at, given, seen), _value(right, at, given, seen))
        case Reduce(kind=kind, body=body):
            grid, shape = grids(node, at, given)
            rest = np.broadcast_shapes(*(np.shape(i) for i in at.values()))
            found = np.broadcast_to(_value(body, {**at, **grid}, given, seen), (*shape, *rest))
            return REDUCTIONS[kind](found.reshape(-1, *rest), axis=0)


def grids(node: Reduce, at: At, given: Operands) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """An open grid for each letter of `node`, in front of those in `at`, and their sizes."""
    depth = max((np.ndim(i) for i in at.values()), default=0)
    shape = tuple(extent(letter, node.body, given) for letter in node.letters)
    found = {}
    for axis, (letter, size) in enumerate(zip(node.letters, shape, strict=True)):
        after = len(shape) - 1 - axis + depth
        found[letter] = np.arange(size).reshape(size, *(1,) * after)
    return found, shape


def extent(letter: str, body: Node, given: Operands) -> int:
    """How many values an index takes: as many as the operand that has it as an index of its own."""
    for node in walk(body):
        if isinstance(node, Operand) and Index(letter) in node.at:
            return given[node.name].shape[node.at.index(Index(letter))]
    raise ValueError(f"no operand says how far {letter} goes")
