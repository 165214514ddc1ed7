r"""A rule as LaTeX: in symbols for any cell, and with the numbers of one.

S_{h,t,s} = \sum_k q_{h,t,k} k_{h,s,k}
S_{0,3,5} = (0.5123)(-1.234) + (0.2311)(2.001) + \dots = -0.3201
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np

from attnviz import rule
from attnviz.figures.number import latex, shortest
from attnviz.figures.symbol import cell
from attnviz.rule import Apply, Binary, Index, Node, Number, Operand, Reduce

TERMS = 3
"""Terms of a sum that are written out, the largest first."""
_INFIX = {
    "*": r"\,",
    "<": "<",
    "<=": r"\le",
    ">": ">",
    "==": "=",
    "%": r"\bmod",
    "+": "+",
    "-": "-",
}
_LEVEL = {
    "<": 0,
    "<=": 0,
    ">": 0,
    "==": 0,
    "+": 1,
    "-": 1,
    "%": 2,
    "*": 2,
    "/": 4,
    "//": 4,
    "**": 3,
}
_ATOM = 4
_BREAK = r" \\ &\quad "
"""A sum goes on in the next line of an aligned block."""
_REDUCE = {"sum": r"\sum", "max": r"\max", "argmax": r"\operatorname{arg\,max}"}
_FUNCTION = {name: rf"\{name}" for name in ("exp", "log", "sin", "cos", "tanh")} | {
    "erf": r"\operatorname{erf}",
    "relu": r"\max",
    "sigmoid": r"\sigma",
    "sign": r"\operatorname{sign}",
    "minimum": r"\min",
    "maximum": r"\max",
}
_AROUND = {
    "sqrt": (r"\sqrt{", "}"),
    "abs": (r"\left|", r"\right|"),
    "floor": (r"\lfloor ", r" \rfloor"),
}

Written = tuple[str, int]
"""LaTeX and how tightly it binds: 0 comparison, 1 sum, 2 product, 3 power, 4 what stands alone."""


@dataclass(frozen=True)
class _Pen:
    """How the leaves are written. `broken` lets a sum go on in the next line."""

    leaf: Callable[[Operand], Written]
    index: Callable[[str], Written]
    reduce: Callable[["_Pen", Reduce], Written]
    where: Callable[["_Pen", tuple[Node, ...]], Written]
    broken: bool = True


def in_symbols(node: Node, otherwise: str, silent: Collection[str] = ()) -> str:
    """The right side for any cell; `otherwise` is the word for the other case, `silent` are indices
    with one value only, which are not written."""

    def index(letter: str) -> Written:
        return letter, _ATOM

    def leaf(operand: Operand) -> Written:
        said = [i for i in operand.at if not _silent(i, silent)]
        return cell(operand.name, [_tex(pen, i)[0] for i in said]), _ATOM

    def reduce(pen: _Pen, node: Reduce) -> Written:
        body = _held(_tex(pen, node.body), 2)
        over = ",".join(node.letters)
        if node.kind == "mean":
            return rf"\frac{{1}}{{n_{{{over}}}}} \sum_{{{over}}} {body}", 2
        return rf"{_REDUCE[node.kind]}_{{{over}}} {body}", 2

    def where(pen: _Pen, parts: tuple[Node, ...]) -> Written:
        condition, yes, no = (_tex(pen, part)[0] for part in parts)
        truth = condition if isinstance(parts[0], Binary) else rf"{condition} = 1"
        rows = rf"{yes} & {truth} \\ {no} & \text{{{otherwise}}}"
        return rf"\begin{{cases}} {rows} \end{{cases}}", _ATOM

    pen = _Pen(leaf, index, reduce, where)
    return _tex(pen, node)[0]


def _silent(index: Node, silent: Collection[str]) -> bool:
    return index == Number(0) or (isinstance(index, Index) and index.letter in silent)


def in_numbers(node: Node, at: rule.At, given: rule.Operands, n: int) -> str:
    r"""The right side with numbers of `n` digits put in for operands; long sums are cut after
    TERMS, and continue in a line of their own (\\ and &) within an aligned block."""

    def pen_at(at: rule.At) -> _Pen:
        def leaf(operand: Operand) -> Written:
            return number(float(rule.value(operand, at, given)), n)

        def index(letter: str) -> Written:
            return str(int(at[letter])), _ATOM

        def reduce(pen: _Pen, node: Reduce) -> Written:
            return _terms(pen, node, at, given, pen_at)

        def where(pen: _Pen, parts: tuple[Node, ...]) -> Written:
            taken = parts[1] if bool(rule.value(parts[0], at, given)) else parts[2]
            return _tex(pen, taken)

        return _Pen(leaf, index, reduce, where)

    return _tex(pen_at(at), node)[0]


def _terms(
    pen: _Pen,
    node: Reduce,
    at: rule.At,
    given: rule.Operands,
    pen_at: Callable[[rule.At], _Pen],
) -> Written:
    grid, shape = rule.grids(node, at, given)
    values = np.broadcast_to(rule.value(node.body, {**at, **grid}, given), shape).astype(float)
    by_size = node.kind in ("sum", "mean")
    order = np.argsort(-(np.abs(values) if by_size else values), axis=None, kind="stable")
    breaks = pen.broken and node.kind == "sum"
    written = []
    for flat in order[: TERMS if breaks else 2 - (node.kind == "mean")]:
        place = dict(zip(node.letters, map(int, np.unravel_index(flat, shape)), strict=True))
        inner = replace(pen_at({**at, **place}), broken=False)
        written.append(_held(_tex(inner, node.body), 2 if by_size else 0))
    dots = [r"\dots"] if values.size > len(written) else []
    if not by_size:
        return f"{_REDUCE[node.kind]}({', '.join(written + dots)})", _ATOM
    plus = f"{_BREAK}+ " if breaks else " + "
    body = " + ".join([plus.join(written), *dots])
    if node.kind == "sum":
        return body, 1
    return rf"\frac{{1}}{{{values.size}}} \left({body}\right)", 2


def _tex(pen: _Pen, node: Node) -> Written:
    match node:
        case Number(value=value):
            return number(value, 4)
        case Index(letter=letter):
            return pen.index(letter)
        case Operand():
            return pen.leaf(node)
        case Apply():
            return _apply(pen, node)
        case Reduce():
            return pen.reduce(pen, node)
        case Binary():
            return _binary(pen, node)


def _apply(pen: _Pen, node: Apply) -> Written:
    if node.function == "where":
        return pen.where(replace(pen, broken=False), node.arguments)
    inside = [_tex(replace(pen, broken=False), argument) for argument in node.arguments]
    inner = ", ".join(text for text, _ in inside)
    if node.function == "negative":
        return f"-{_held(inside[0], 3 if 'bmod' in inner else 2)}", 1
    if node.function in _AROUND:
        before, after = _AROUND[node.function]
        return f"{before}{inner}{after}", _ATOM
    first = "0, " if node.function == "relu" else ""
    return rf"{_FUNCTION[node.function]}\left({first}{inner}\right)", _ATOM


def _binary(pen: _Pen, node: Binary) -> Written:
    level = _LEVEL[node.symbol]
    tight = pen if level == 1 else replace(pen, broken=False)
    left, right = _tex(tight, node.left), _tex(tight, node.right)
    match node.symbol:
        case "/":
            return rf"\frac{{{left[0]}}}{{{right[0]}}}", _ATOM
        case "//":
            return rf"\lfloor {_held(left, 2)} / {_held(right, 3)} \rfloor", _ATOM
        case "**":
            simple = left[1] >= _ATOM and not any(x in left[0] for x in ("^", "'", "frac"))
            base = left[0] if simple else _held((left[0], 0), _ATOM)
            return rf"{base}^{{{right[0]}}}", 3
    compares = level == 0
    after = level + (compares or node.symbol in "-%" or right[0].startswith("-"))
    times = node.symbol == "*" and (_numeric(left) or _numeric(right))
    sign = r"\cdot" if times else _INFIX[node.symbol]
    if _BREAK in left[0] and node.symbol == "+":
        sign = _BREAK.strip() + " +"
    return f"{_held(left, level + compares)} {sign} {_held(right, after)}", level


def _numeric(written: Written) -> bool:
    return written[0][-1:].isdigit() or written[0][:1].isdigit()


def _held(written: Written, least: int) -> str:
    """In brackets where it binds less tightly than it must."""
    text, level = written
    if level >= least:
        return text
    return rf"\left({text}\right)" if "frac" in text or "sum" in text else f"({text})"


def number(value: float, n: int) -> Written:
    """A number with `n` significant digits; a whole one as it is."""
    text = shortest(value, n).replace("−", "-")
    text = text if text.lstrip("-").isdigit() else latex(value, n)
    return text, 1 if text.startswith("-") else (2 if "times" in text else _ATOM)
