"""A step's rule: how one cell of it follows from cells of earlier steps, in index notation.

    sum(d, x[t, d] * W[h, d, k]) + b[h, k]        a matrix product
    where(allowed[h, t, s], scores[h, t, s], -inf)
    scale * W_E[ids[t], d]                        a row that was looked up

A single small letter is an index, and so is `sum(d, ...)`'s first argument; a name in front of
brackets is an operand; any other name is a number that is the same for every cell. The words of the
page, its formulas with numbers, its opened cells and its code are all made from the rule.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

Seen = Callable[[np.ndarray], np.ndarray]
Operands = Mapping[str, np.ndarray]
"""Every operand's numbers in float64; one that is the same for every cell has no axes."""
At = Mapping[str, int | np.ndarray]
"""Where each index stands; arrays are open grids, for many cells at once."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Index:
    """A letter, standing for the number of a token, a head, a dimension."""

    letter: str


@dataclass(frozen=True)
class Operand:
    """A cell of an earlier step or of a weight; without indices, one number."""

    name: str
    at: tuple["Node", ...] = ()


@dataclass(frozen=True)
class Apply:
    """A function of numbers: FUNCTIONS has them."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Binary:
    """`left` + `right` and its like: OPERATORS has them."""

    symbol: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Reduce:
    """The sum, mean, max or argmax of `body` over `letters`."""

    kind: str
    letters: tuple[str, ...]
    body: "Node"


Node = Number | Index | Operand | Apply | Binary | Reduce

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
_SYMBOLS = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"},
    **{ast.FloorDiv: "//", ast.Mod: "%", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.Eq: "=="},
}


@cache
def parse(rule: str) -> Node:
    """The rule as a tree. Raises ValueError where it says something that no rule can."""
    try:
        return _node(ast.parse(rule, mode="eval").body)
    except (SyntaxError, TypeError, KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{rule!r} is not a rule: {error}") from error


def _node(found: ast.expr) -> Node:
    match found:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return Number(float(value))
        case ast.Name(id=name):
            return _named(name)
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            indices = index.elts if isinstance(index, ast.Tuple) else [index]
            return Operand(name, tuple(map(_node, indices)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Apply("negative", (_node(operand),))
        case ast.BinOp(left=left, op=operator, right=right):
            return Binary(_SYMBOLS[type(operator)], _node(left), _node(right))
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return Binary(_SYMBOLS[type(operator)], _node(left), _node(right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, arguments)
    raise TypeError(ast.unparse(found))


def _named(name: str) -> Node:
    if name == "inf":
        return Number(math.inf)
    return Index(name) if len(name) == 1 and name.islower() else Operand(name)


def _call(name: str, arguments: list[ast.expr]) -> Node:
    if name in FUNCTIONS:
        if len(arguments) != (3 if name == "where" else 1):
            raise TypeError(f"{name} does not take {len(arguments)} arguments")
        return Apply(name, tuple(map(_node, arguments)))
    if name not in REDUCTIONS:
        raise TypeError(f"there is no {name!r}")
    if len(arguments) < 2:
        raise TypeError(f"{name} needs an index and what it is taken over")
    *letters, body = arguments
    return Reduce(name, tuple(map(_letter, letters)), _node(body))


def _letter(found: ast.expr) -> str:
    node = _node(found)
    if not isinstance(node, Index):
        raise TypeError(f"{ast.unparse(found)} is no index")
    return node.letter


def children(node: Node) -> tuple[Node, ...]:
    """The nodes that `node` is made of."""
    match node:
        case Operand(at=nodes) | Apply(arguments=nodes):
            return nodes
        case Binary(left=left, right=right):
            return (left, right)
        case Reduce(body=body):
            return (body,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """`node` and all that stands in it, from the outside in and from left to right."""
    yield node
    for child in children(node):
        yield from walk(child)


def operands(node: Node) -> tuple[str, ...]:
    """Names of all operands, each once, in the order in which they are written."""
    return tuple(dict.fromkeys(n.name for n in walk(node) if isinstance(n, Operand)))


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


def factors(node: Node) -> tuple[Node, ...]:
    """What is multiplied: (x, W) of "x[t, d] * W[d, k]"; one that is no product is alone."""
    if isinstance(node, Binary) and node.symbol == "*":
        return (*factors(node.left), *factors(node.right))
    return (node,)


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
