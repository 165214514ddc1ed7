"""What the variants of a comparison cost: operations, memory and cache against the length of the
text, as formulas and as curves; and the time that attnviz's own code took."""

import html
import math
from collections.abc import Mapping

import numpy as np
import streamlit as st

from attnviz import rule
from attnviz.app.laboratory import inputs, timed
from attnviz.app.matrices import title
from attnviz.app.source import Given
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.attention.parameter import Inputs
from attnviz.error import InputError
from attnviz.figures import equation
from attnviz.figures.cost import DASHES, LINES, curves

LENGTHS = tuple(int(n) for n in np.geomspace(16, 2**20, 33).round())
BYTES = {"float32": 4, "float16": 2, "int8": 1}
KINDS = ("operations", "memory", "cache")


def panel(text: Text, given: Given, chosen: list[Chosen]) -> None:
    """Three charts, the formulas under them, and times measured here when asked for."""
    sizes = inputs(given.source).sizes
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    number = left.segmented_control(
        text("bytes"), tuple(BYTES), key="bytes", default="float16", required=True
    )
    right.caption(text("cost-sizes", heads=sizes["H"], groups=sizes["G"], width=sizes["K"]))
    _legend(text, chosen)
    costs = {f"{j + 1} · {title(text, one)}": _costs(one, sizes) for j, one in enumerate(chosen)}
    for column, kind, i in zip(st.columns(3, gap="medium"), KINDS, range(3), strict=True):
        size = 1 if kind == "operations" else BYTES[number]
        lines = {name: (LENGTHS, [one[i] * size for one in found]) for name, found in costs.items()}
        with column:
            st.markdown(f"##### {text(f'cost-{kind}')}")
            titles = (text("cost-length"), text(f"cost-{kind}-unit"))
            st.plotly_chart(
                curves(lines, titles), key=f"cost-{kind}", config={"displayModeBar": False}
            )
    _formulas(text, chosen)
    _times(text, chosen, sizes)


def _legend(text: Text, chosen: list[Chosen]) -> None:
    """Which line is whose, once for all charts."""
    line = {"solid": "solid", "dash": "dashed", "dot": "dotted"}
    parts = [
        f'<span style="display:inline-block;width:2rem;margin:0 .4rem .25rem 1.2rem;'
        f'border-top:3px {line.get(DASHES[i], "dashed")} {LINES[i]}"></span>'
        f"{i + 1} · {html.escape(title(text, one))}"
        for i, one in enumerate(chosen)
    ]
    st.html(f"<div>{''.join(parts)}</div>")


def _costs(chosen: Chosen, sizes: Mapping[str, int]) -> list[tuple[float, float, float]]:
    """The three costs at each of LENGTHS, T = S; a gap where its parameters do not fit."""
    found = []
    for n in LENGTHS:
        at = {**sizes, "B": 1, "T": n, "S": n, "C": n}
        try:
            values = chosen.variant.values(Inputs(at), **dict(chosen.values))
        except InputError:
            found.append((math.nan,) * 3)
            continue
        numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
        found.append(chosen.variant.cost.of(at, **numbers))
    return found


def _formulas(text: Text, chosen: list[Chosen]) -> None:
    """The rules behind the curves."""
    st.caption(text("cost-formulas"))
    lines = [f"| {text('variant')} | " + " | ".join(text(f"cost-{k}") for k in KINDS) + " |"]
    lines.append("|---|" + "---|" * len(KINDS))
    for i, one in enumerate(chosen):
        rules = one.variant.cost.rules
        written = (equation.in_symbols(rule.parse(rules[k]), text("otherwise")) for k in KINDS)
        cells = " | ".join(f"${x.replace('|', chr(92) + 'vert ')}$" for x in written)
        lines.append(f"| {i + 1} · {title(text, one)} | {cells} |")
    st.markdown("\n".join(lines))


def _times(text: Text, chosen: list[Chosen], sizes: Mapping[str, int]) -> None:
    """Seconds on this machine; measured only when asked for, since it takes as long as it takes."""
    st.session_state.setdefault("measured", False)
    if st.button(text("cost-measure"), help=text("cost-measure-help")):
        st.session_state["measured"] = True
    if not st.session_state["measured"]:
        return
    with st.spinner(text("working")):
        found = {
            f"{i + 1} · {title(text, one)}": timed(one, sizes["H"], sizes["K"])
            for i, one in enumerate(chosen)
        }
    lines = {
        name: ([n for n, _ in points], [1000 * seconds for _, seconds in points])
        for name, points in found.items()
    }
    st.markdown(f"##### {text('cost-time')}")
    chart = curves(lines, (text("cost-length"), text("cost-time-unit")), marks=True, named=True)
    st.plotly_chart(chart, key="cost-time", config={"displayModeBar": False})
    st.caption(text("cost-time-note"))
