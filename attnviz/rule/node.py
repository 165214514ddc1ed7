"""What a rule is made of: a small tree."""

from collections.abc import Iterator
from dataclasses import dataclass, replace


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
    """A function of numbers: `value.FUNCTIONS` has them."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Binary:
    """`left` + `right` and its like: `value.OPERATORS` has them."""

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


def summed(node: Node) -> tuple[str, ...]:
    """The letters that sums, means and maxima are taken over, each once, from the outside in."""
    found = (x for n in walk(node) if isinstance(n, Reduce) for x in n.letters)
    return tuple(dict.fromkeys(found))


def put(node: Node, old: Node, new: Node) -> Node:
    """The rule with `new` in the place of `old`."""
    if node is old:
        return new
    match node:
        case Apply(arguments=nodes):
            return replace(node, arguments=tuple(put(n, old, new) for n in nodes))
        case Binary(left=left, right=right):
            return replace(node, left=put(left, old, new), right=put(right, old, new))
        case Reduce(body=body):
            return replace(node, body=put(body, old, new))
    return node


def factors(node: Node) -> tuple[Node, ...]:
    """What is multiplied: (x, W) of "x[t, d] * W[d, k]"; one that is no product is alone."""
    if isinstance(node, Binary) and node.symbol == "*":
        return (*factors(node.left), *factors(node.right))
    return (node,)
