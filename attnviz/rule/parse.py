"""A rule as text -> its tree. Python reads the text; what no rule can say is refused."""

import ast
import math
from functools import cache

from attnviz.rule.node import Apply, Binary, Index, Node, Number, Operand, Reduce
from attnviz.rule.value import FUNCTIONS, REDUCTIONS

_SYMBOLS = {
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"},
    **{ast.FloorDiv: "//", ast.Mod: "%", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.Eq: "=="},
}
_ARGUMENTS = {"where": 3, "minimum": 2, "maximum": 2}


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
        if len(arguments) != _ARGUMENTS.get(name, 1):
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
