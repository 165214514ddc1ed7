"""A rule as PyTorch: a few lines that compute one cell from what was recorded before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attnviz.rule import Apply, Binary, Index, Node, Number, Operand, Reduce, summed, walk

_TIGHT = {"*": 2, "/": 2, "//": 2, "%": 2, "**": 3, "+": 1, "-": 1}
_ATOM = 4
_TENSORS = ("relu", "sigmoid", "sign")
"""Functions of numbers that have no like in Python's own library."""

Code = tuple[str, int]
"""Python and how tightly it binds, as in `equation`."""


def snippet(
    run: Sequence[str],
    node: Node,
    sources: Mapping[str, str],
    at: Mapping[str, int],
    path: str,
    sizes: Mapping[str, int],
) -> str:
    """A program of at most 20 lines that prints the cell `at` of the step at `path`: computed from
    earlier steps, and as it was recorded. `run` are the lines that make `trace`, `sources` has the
    code of every operand, `sizes` the size of every index that is summed over."""
    indices = {*at, *summed(node)}
    names = {name: name.upper() if name in indices else name for name in sources}
    here = ", ".join(at)
    lines = [
        *("import math", "import torch", "import attnviz"),
        *run,
        *(f"{names[name]} = {code}" for name, code in sources.items()),
        *([f"{here} = {', '.join(map(str, at.values()))}"] if at else []),
        *_ranges(summed(node), sizes),
        f"value = {_code(node, _Pen(names, frozenset(), summed(node)))[0]}",
        'print(f"{float(value):#.4g}")',
        f'print(float(trace["{path}"].value{f"[{here}]" if at else ""}))  # as the model has it',
    ]
    return "\n".join(lines)


def _ranges(letters: Sequence[str], sizes: Mapping[str, int]) -> list[str]:
    """The line that lets each summed index run, along an axis of its own."""
    if not letters:
        return []
    runs = [
        f"torch.arange({sizes[letter]}){'[:' + ', None' * after + ']' if after else ''}"
        for after, letter in zip(reversed(range(len(letters))), letters, strict=True)
    ]
    return [f"{', '.join(letters)} = {', '.join(runs)}"]


@dataclass(frozen=True)
class _Pen:
    """The operands' names in the code, the indices that run here, and all that run in the program,
    each along an axis of its own."""

    names: Mapping[str, str]
    free: frozenset[str]
    axes: tuple[str, ...]


def _code(node: Node, pen: _Pen) -> Code:
    match node:
        case Number(value=value):
            return _number(value), _ATOM
        case Index(letter=letter):
            return letter, _ATOM
        case Operand(name=name, at=()):
            return pen.names[name], _ATOM
        case Operand(name=name, at=indices):
            return f"{pen.names[name]}[{', '.join(_code(i, pen)[0] for i in indices)}]", _ATOM
        case Reduce(kind=kind, letters=letters, body=body):
            inner = replace(pen, free=pen.free | set(letters))
            return f"({_code(body, inner)[0]}).{_reduction(kind, letters, pen)}", _ATOM
        case Apply():
            return _apply(node, pen)
        case Binary(symbol=symbol, left=left, right=right):
            level = _TIGHT.get(symbol, 0)
            if not level:
                first, second = (_held(_code(side, pen), 1) for side in (left, right))
                return f"({first} {symbol} {second}) * 1.0", 2
            first = _held(_code(left, pen), level + (symbol == "**"))
            second = _held(_code(right, pen), level + (symbol != "**"))
            return f"{first} {symbol} {second}", level


def _reduction(kind: str, letters: tuple[str, ...], pen: _Pen) -> str:
    """The method that takes the sum and its like; one within another leaves the others' axes."""
    if not pen.free:
        return f"{kind}()"
    axes = ", ".join(str(pen.axes.index(letter) - len(pen.axes)) for letter in letters)
    named = {"max": "amax"}.get(kind, kind)
    return f"{named}({axes if len(letters) == 1 else f'({axes})'}, keepdim=True)"


def _runs(node: Node, pen: _Pen) -> bool:
    """Whether the node is a vector: whether an index in it runs."""
    return any(isinstance(n, Index) and n.letter in pen.free for n in walk(node))


def _apply(node: Apply, pen: _Pen) -> Code:
    inside = [_code(argument, pen) for argument in node.arguments]
    if node.function == "where":
        truth = inside[0][0].removesuffix(" * 1.0")
        if any(_runs(argument, pen) for argument in node.arguments):
            truth = truth if truth != inside[0][0] else f"{_held(inside[0], 1)} != 0"
            truth = truth if _runs(node.arguments[0], pen) else f"torch.as_tensor({truth})"
            return f"torch.where({truth}, {inside[1][0]}, {inside[2][0]})", _ATOM
        return f"({_held(inside[1], 1)} if {truth} else {_held(inside[2], 1)})", _ATOM
    if node.function == "negative":
        return f"-{_held(inside[0], 3)}", 2
    given = ", ".join(code for code, _ in inside)
    if node.function in _TENSORS:
        tensor = any(isinstance(n, Operand) and n.at for n in walk(node))
        given = given if tensor else f"torch.as_tensor({given})"
        return f"torch.{node.function}({given})", _ATOM
    if node.function == "abs":
        return f"abs({given})", _ATOM
    if node.function in ("minimum", "maximum"):
        return _bound(node, pen, given), _ATOM
    library = "torch" if _runs(node, pen) else "math"
    return f"{library}.{node.function}({given})", _ATOM


def _bound(node: Apply, pen: _Pen, given: str) -> str:
    """The smaller or the larger of two numbers, one of which may be a vector."""
    if not _runs(node, pen):
        return f"{node.function[:3]}({given})"
    return f"torch.{node.function}(*map(torch.as_tensor, ({given})))"


def _number(value: float) -> str:
    if value == float("inf"):
        return "math.inf"
    return str(int(value)) if value == int(value) else repr(value)


def _held(code: Code, least: int) -> str:
    text, level = code
    return text if level >= least else f"({text})"
