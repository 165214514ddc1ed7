r"""One cell of one head as formulas: in symbols, and with the model's own numbers.

Numbers are rounded for display only: vectors and the weight to four digits, what is computed with
again to six, so that a pocket calculator gives the shown weight. Where a stage does not follow from
the one before it, because a value was edited, the formula says so with \mapsto instead of "=".
"""

import math
from collections.abc import Mapping, Sequence

from attnviz.figures.number import latex

TERMS = 3
KEPT = 6
_CLOSE = 1e-3
_ROOM = r"\rule{0pt}{1.6em}"  # st.latex cuts off the top of a fraction that stands alone

Formula = tuple[str, str]


def cell_formulas(
    *,
    q: Sequence[float],
    k: Sequence[float],
    raw: float,
    d_head: int,
    scaled: float,
    score: float,
    allowed: bool,
    masked: float,
    row_max: float,
    exp: float,
    row_sum: float,
    weight: float,
    text: Mapping[str, str],
) -> list[Formula]:
    """(in symbols, with numbers) for each stage, as LaTeX: dot product, scale, bias where there is
    one, mask, softmax's exponential, weight. `text` words: allowed, masked."""
    biased = [_bias(scaled, score)] if score != scaled else []
    return [
        _dot(q, k, raw),
        _scale(raw, d_head, scaled),
        *biased,
        _mask(score, allowed, masked, text),
        _exponential(masked, row_max, exp),
        _weight(exp, row_sum, weight),
    ]


def _dot(q: Sequence[float], k: Sequence[float], raw: float) -> Formula:
    """The largest terms by size, each on its line, and the sum of all."""
    products = [a * b for a, b in zip(q, k, strict=True)]
    largest = sorted(range(len(q)), key=lambda i: -abs(products[i]))[:TERMS]
    terms = [f"({latex(q[i])})({latex(k[i])})" for i in largest]
    body = r" \\ &\quad + ".join(terms) + (r" + \dots" if len(q) > TERMS else "")
    same = _follows(math.fsum(products), raw, math.fsum(map(abs, products)))
    symbols = rf"r = q \cdot k = \sum_{{i=1}}^{{{len(q)}}} q_i k_i"
    return symbols, rf"\begin{{aligned}} r &= {body} \\ &{same} {_kept(raw)} \end{{aligned}}"


def _scale(raw: float, d_head: int, scaled: float) -> Formula:
    same = _follows(raw / math.sqrt(d_head), scaled)
    numbers = rf"s = \frac{{{_kept(raw)}}}{{\sqrt{{{d_head}}}}} {same} {_kept(scaled)}"
    return r"s = \frac{r}{\sqrt{d_{\mathrm{head}}}}" + _ROOM, numbers + _ROOM


def _bias(scaled: float, score: float) -> Formula:
    return r"s \leftarrow s + b", f"{_kept(scaled)} {_added(score - scaled)} = {_kept(score)}"


def _mask(score: float, allowed: bool, masked: float, text: Mapping[str, str]) -> Formula:
    words = {name: _escaped(text[name]) for name in ("allowed", "masked")}
    symbols = (
        rf"m = \begin{{cases}} s & \text{{{words['allowed']}}} \\"
        rf" -\infty & \text{{{words['masked']}}} \end{{cases}}"
    )
    same = _follows(score, masked) if allowed else "="
    value = _kept(masked) if same == "=" else f"{_kept(score)} {same} {_kept(masked)}"
    said = words["allowed" if allowed else "masked"]
    return symbols, rf"m = {value} \quad (\text{{{said}}})"


def _exponential(masked: float, row_max: float, exp: float) -> Formula:
    symbols = r"e = \exp\left(m - \max_{s'} m_{s'}\right)"
    same = _follows(math.exp(min(0.0, masked - row_max)), exp)
    inner = f"{_kept(masked)} {_added(-row_max)}"
    numbers = rf"\begin{{aligned}} e &= \exp({inner}) \\ &{same} {_kept(exp)} \end{{aligned}}"
    return symbols, numbers


def _weight(exp: float, row_sum: float, weight: float) -> Formula:
    symbols = r"a = \frac{e}{\sum_{s'} e_{s'}}" + _ROOM
    if row_sum == 0:
        return (
            symbols,
            rf"a = {latex(weight)} \quad \left(\textstyle\sum_{{s'}} e_{{s'}} = 0\right)",
        )
    same = _follows(exp / row_sum, weight)
    return symbols, rf"a = \frac{{{_kept(exp)}}}{{{_kept(row_sum)}}} {same} {latex(weight)}{_ROOM}"


def _kept(value: float) -> str:
    """A number that the next line computes with."""
    return latex(value, KEPT)


def _added(value: float) -> str:
    return f"- {_kept(-value)}" if value < 0 else f"+ {_kept(value)}"


def _follows(expected: float, found: float, size: float = 0.0) -> str:
    """ "=" where the stage gives what was found, up to rounding in a sum of terms of `size`; else
    an arrow for an edit."""
    near = math.isclose(expected, found, rel_tol=_CLOSE, abs_tol=1e-5 * size + 1e-30)
    return "=" if near else r"\mapsto"


def _escaped(words: str) -> str:
    return "".join("\\" + c if c in "%$#&_{}" else c for c in words)
