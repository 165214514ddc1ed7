"""A cell opened into its arithmetic: every term, their sum, and how far it is from the model's."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from attnviz import rule
from attnviz.analysis import pencil
from attnviz.analysis.derivation import Derivation, Terms, numbers, same
from attnviz.app.place import Places
from attnviz.app.text import Text
from attnviz.figures.arithmetic import FIRST, fixed, name, sum_table
from attnviz.figures.number import digits, exact, shortest
from attnviz.rule import Index, Node, Operand, Reduce

MOST = 300
"""Terms that are listed; the smallest of more are added up in one line."""
SIGNS = {"sum": "Σ", "mean": "Σ / n"}
"""How a sum within a formula is named in a table's head."""


def panel(text: Text, found: Derivation, places: Places) -> None:
    """The sum, the maximum or the row behind the chosen cell."""
    if found.node is None:
        st.caption(text("opened-given"))
    elif found.terms:
        _terms(text, found, found.terms, places)
    else:
        _row(text, found, places)


def _terms(text: Text, found: Derivation, terms: Terms, places: Places) -> None:
    adds = terms.reduce.kind in ("sum", "mean")
    shown = pencil.written(terms, partial(_closes, found)) if adds else pencil.written(terms)
    order = np.argsort(-(np.abs(terms.values) if adds else terms.values), kind="stable")
    factors = rule.factors(terms.reduce.body)
    head = [text("opened-place"), *((_html(f, found) for f in factors) if len(factors) > 1 else ())]
    head.append(text("opened-term") if adds else text("opened-value"))
    rows = [
        [
            ", ".join(
                places.label(x, int(i)) for x, i in zip(terms.reduce.letters, place, strict=True)
            ),
            *(shortest(f, shown.n_factor) for f in (values if len(factors) > 1 else ())),
            fixed(value, shown.places),
        ]
        for place, values, value in zip(
            terms.places[order[:MOST]],
            shown.factors.T[order[:MOST]],
            shown.terms[order[:MOST]],
            strict=True,
        )
    ]
    rest = shown.terms[order[MOST:]]
    if rest.size and adds:
        blank = [""] * (len(head) - 2)
        rows.append([text("opened-smaller", n=rest.size), *blank, fixed(rest.sum(), shown.places)])
    st.html(
        sum_table(
            head,
            rows,
            _foot(text, found, terms, shown, places),
            text("opened-more", n=len(rows) - FIRST),
            marked=None if adds else 0,
        )
    )
    if adds and shown.enough and len(factors) > 1:
        st.caption(text("opened-digits", factors=shown.n_factor, terms=shown.places))
    elif adds and shown.enough:
        st.caption(text("opened-digits-terms", terms=shown.places))


def _closes(found: Derivation, total: float) -> bool:
    """Whether what is computed from a sum as it is written comes out as it is written."""
    return same(found.closed(total), found.found)


def _foot(
    text: Text, found: Derivation, terms: Terms, shown: pencil.Written, places: Places
) -> list[tuple[str, str]]:
    kind, n = terms.reduce.kind, terms.values.size
    lines = []
    if kind in ("sum", "mean"):
        lines.append((text("opened-sum", n=n), fixed(shown.total, shown.n_total)))
    if kind == "mean":
        lines.append((text("opened-mean", n=n), digits(found.found)))
    if kind == "argmax":
        place = int(terms.total)
        named = places.label(terms.reduce.letters[0], place)
        lines.append((text("opened-argmax"), f"{place} · {named}"))
    if kind == "max":
        lines.append((text("opened-max"), digits(terms.total)))
    if found.node is not terms.reduce:
        lines += _rest(text, found, terms)
    return [*lines, *closing(text, found)]


def _rest(text: Text, found: Derivation, terms: Terms) -> list[tuple[str, str]]:
    """What stands beside the sum in the formula, and what comes out."""
    assert found.node is not None
    outside = rule.put(found.node, terms.reduce, rule.Number(0.0))
    beside = [
        (_html(n, found), shortest(float(rule.value(n, found.at, found.given)), found.digits))
        for n in _outer(outside)
    ]
    return [*beside, (text("opened-rest"), digits(found.found))]


def closing(text: Text, found: Derivation) -> list[tuple[str, str]]:
    """The model's own number and how far the arithmetic is from it."""
    return [
        (text("opened-model"), exact(found.found, found.kept.value.numpy().dtype)),
        (text("opened-difference"), digits(found.difference, 2)),
    ]


def _row(text: Text, found: Derivation, places: Places) -> None:
    """An elementwise step: the operands and the result, for every token along its last axis where
    that is short, else for the chosen cell."""
    assert found.node is not None
    letter = list(found.at)[-1] if found.at else ""
    along = places.listed(letter) if letter else ()
    cells = list(along) or [found.at.get(letter, 0)]
    operands = [n for n in _outer(found.node) if isinstance(n, Reduce) or n.at]
    at = {**found.at, **({letter: np.array(cells)} if letter else {})}
    columns = [np.broadcast_to(rule.value(n, at, found.given), len(cells)) for n in operands]
    results = _recorded(found, letter, cells)
    n = found.digits_of(at, results)
    head = [text("opened-place"), *(_html(n, found) for n in operands), text("opened-result")]
    rows = [
        [
            places.label(letter, place),
            *(shortest(column[i], n) for column in columns),
            digits(results[i]),
        ]
        for i, place in enumerate(cells)
    ]
    chosen = cells.index(found.at[letter]) if letter and found.at[letter] in cells else None
    rest = text("opened-more", n=len(rows) - FIRST)
    st.html(sum_table(head, rows, closing(text, found), rest, marked=chosen))


def _recorded(found: Derivation, letter: str, cells: Sequence[int]) -> list[float]:
    """The model's own numbers at `cells` along one axis, the other indices as chosen."""
    values = numbers(found.kept)
    if not letter:
        return [float(values)]
    place = tuple(list(cells) if x == letter else found.at[x] for x in found.at)
    return values[place].tolist()


def _outer(node: Node) -> list[Operand | Reduce]:
    """The operands of a rule and the sums within it, each once; what stands in a sum or in an
    index is no operand by itself."""
    if isinstance(node, Operand | Reduce):
        return [node]
    return list(dict.fromkeys(part for child in rule.children(node) for part in _outer(child)))


def _html(node: Node, found: Derivation) -> str:
    if isinstance(node, Reduce):
        return f"{SIGNS.get(node.kind, node.kind)}<sub>{','.join(node.letters)}</sub> …"
    if not isinstance(node, Operand):
        return "…"
    said = [i.letter if isinstance(i, Index) else "…" for i in node.at]
    return name(node.name, [letter for letter in said if letter not in found.alone])
