"""A rule as PyTorch: a few lines that compute one cell from what was recorded before it."""

from collections.abc import Mapping, Sequence

from attnviz.rule import Apply, Binary, Index, Node, Number, Operand, Reduce

_TIGHT = {"*": 2, "/": 2, "//": 2, "%": 2, "**": 3, "+": 1, "-": 1}
_ATOM = 4

Code = tuple[str, int]
"""Python and how tightly it binds, as in `equation`."""


def snippet(
    run: Sequence[str],
    node: Node,
    sources: Mapping[str, str],
    at: Mapping[str, int],
    path: str,
) -> str:
    """A program of at most 20 lines that prints the cell `at` of the step at `path`: computed from
    earlier steps, and as it was recorded. `run` are the lines that make `trace`, `sources` has the
    code of every operand."""
    letters = ", ".join(at)
    reads = [f"{name} = {code}" for name, code in sources.items()]
    cell = f"{letters} = {', '.join(map(str, at.values()))}"
    lines = [
        *("import math", "import torch", "import attnviz", ""),
        *run,
        *reads,
        cell,
        f"value = {_code(node, frozenset())[0]}",
        'print(f"{float(value):#.4g}")',
        f'print(float(trace["{path}"].value[{letters}]))  # as the model computed it',
    ]
    return "\n".join(lines)


def _code(node: Node, free: frozenset[str]) -> Code:
    """The code of a node; the letters in `free` are axes of what is summed, and stand as ":"."""
    match node:
        case Number(value=value):
            return _number(value), _ATOM
        case Index(letter=letter):
            return letter, _ATOM
        case Operand(name=name, at=()):
            return name, _ATOM
        case Operand(name=name, at=indices):
            return f"{name}[{', '.join(_index(i, free) for i in indices)}]", _ATOM
        case Reduce(kind=kind, letters=letters, body=body):
            return f"({_code(body, free | set(letters))[0]}).{kind}()", _ATOM
        case Apply():
            return _apply(node, free)
        case Binary(symbol=symbol, left=left, right=right):
            level = _TIGHT.get(symbol, 0)
            first = _held(_code(left, free), level + (symbol == "**"))
            second = _held(_code(right, free), level + (symbol != "**"))
            return f"{first} {symbol} {second}", level


def _index(node: Node, free: frozenset[str]) -> str:
    return ":" if isinstance(node, Index) and node.letter in free else _code(node, free)[0]


def _apply(node: Apply, free: frozenset[str]) -> Code:
    inside = [_code(argument, free) for argument in node.arguments]
    match node.function:
        case "where" if free:
            return f"torch.where({', '.join(code for code, _ in inside)})", _ATOM
        case "where":
            condition, yes, no = (_held(code, 1) for code in inside)
            return f"({yes} if {condition} else {no})", _ATOM
        case "negative":
            return f"-{_held(inside[0], 3)}", 2
        case "relu":
            return f"torch.relu({inside[0][0]})", _ATOM
    library = "torch" if free else "math"
    return f"{library}.{node.function}({inside[0][0]})", _ATOM


def _number(value: float) -> str:
    if value == float("inf"):
        return "math.inf"
    return str(int(value)) if value == int(value) else repr(value)


def _held(code: Code, least: int) -> str:
    text, level = code
    return text if level >= least else f"({text})"
