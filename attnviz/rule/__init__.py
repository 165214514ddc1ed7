"""A step's rule: how one cell of it follows from cells of earlier steps, in index notation.

    sum(d, x[t, d] * W[h, d, k]) + b[h, k]        a matrix product
    where(allowed[h, t, s], scores[h, t, s], -inf)
    scale * W_E[ids[t], d]                        a row that was looked up

A single small letter is an index, and so is `sum(d, ...)`'s first argument; a name in front of
brackets is an operand; any other name is a number that is the same for every cell. The words of the
page, its formulas with numbers, its opened cells and its code are all made from the rule.
"""

from attnviz.rule.node import (
    Apply,
    Binary,
    Index,
    Node,
    Number,
    Operand,
    Reduce,
    children,
    factors,
    operands,
    put,
    summed,
    walk,
)
from attnviz.rule.parse import parse
from attnviz.rule.value import At, Operands, extent, grids, plain, value

__all__ = [
    "Apply",
    "At",
    "Binary",
    "Index",
    "Node",
    "Number",
    "Operand",
    "Operands",
    "Reduce",
    "children",
    "extent",
    "factors",
    "grids",
    "operands",
    "parse",
    "plain",
    "put",
    "summed",
    "value",
    "walk",
]
