"""One slider that turns a variant into another: both ends, what lies between, and how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import streamlit as st

import attnviz
from attnviz.app import components, knobs
from attnviz.app.laboratory import changed, inputs, result, said
from attnviz.app.matrices import title
from attnviz.app.source import Given
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.app.vectors import vectors
from attnviz.attention.parameter import Inputs, Parameter
from attnviz.attention.variant import Limit, Variant
from attnviz.figures.comparison import Panel
from attnviz.figures.cost import curves

CURVE = 24
"""Places of the slider, at most, for which the distance is drawn."""


@dataclass(frozen=True)
class Slide:
    """A parameter of a variant that has a limit case at one of its values or more."""

    variant: Variant
    parameter: str
    limits: tuple[Limit, ...]

    @property
    def name(self) -> str:
        return f"{self.variant.name}.{self.parameter}"


@cache
def slides() -> Mapping[str, Slide]:
    """Every slider that reaches another variant, by name ("entmax.alpha")."""
    found = {}
    for variant in attnviz.variants().values():
        for name, knob in variant.parameters.items():
            limits = tuple(x for x in variant.limits if set(x.given) == {name})
            if isinstance(knob, Parameter) and limits:
                slide = Slide(variant, name, limits)
                found[slide.name] = slide
    return found


def panel(text: Text, given: Given) -> None:
    """The choice of a slider, the slider, the matrices, and the distance to each end."""
    state = st.session_state
    if state["limit"] not in slides():
        state["limit"] = "entmax.alpha"
    st.selectbox(
        text("limit"),
        tuple(slides()),
        format_func=lambda name: _said(text, slides()[name]),
        key="limit",
        help=text("limit-help"),
        persist_state="session",
    )
    slide = slides()[state["limit"]]
    sizes = inputs(given.source)
    knob = slide.variant.parameters[slide.parameter]
    assert isinstance(knob, Parameter)
    key = f"slide-{slide.name}"
    value = knobs.one(text, slide.parameter, knob, knob.usual(sizes), sizes, key)
    now = Chosen(slide.variant.name, ((slide.parameter, value),))
    ends = [_end(limit, sizes) for limit in slide.limits[:2]]
    left, right = st.columns([5, 2], gap="medium")
    with left:
        _pictures(text, given, now, ends)
    with right:
        _distances(text, given, now, ends)
        _curve(text, given, slide, knob, sizes, ends, float(value))


def _said(text: Text, slide: Slide) -> str:
    ends = " ↔ ".join(_name(text, limit.equals) for limit in slide.limits[:2])
    return f"{slide.variant.title[text.language]}: {slide.parameter} → {ends}"


def _name(text: Text, name: str) -> str:
    return attnviz.variants()[name].title[text.language]


def _end(limit: Limit, sizes: Inputs) -> Chosen:
    """The other variant, with its parameters for these sizes."""
    values = {n: sizes.number(v) if _is_rule(v) else v for n, v in limit.of.items()}
    return Chosen(limit.equals, tuple(sorted(values.items())))


def _is_rule(value: float | str) -> bool:
    return isinstance(value, str) and not value.islower()


def _pictures(text: Text, given: Given, now: Chosen, ends: list[Chosen]) -> None:
    """What the slider gives in the middle, its ends beside it with the difference from it."""
    shown = [now, *ends] if len(ends) < 2 else [ends[0], now, ends[1]]
    panels = []
    for one in shown:
        found = result(given.source, one, given.head)
        if found.problem or found.measures is None:
            assert found.problem is not None
            panels.append(Panel(title(text, one), problem=said(text, found.problem)))
            continue
        apart = None if one is now else changed(given.source, one, now, given.head)
        heading = title(text, one)
        panels.append(
            Panel(
                heading,
                found.pattern_TS,
                found.measures.sums_T,
                apart.difference_TS if apart else None,
                apart.divergence_T if apart else None,
            )
        )
    at = vectors(given.source)
    words = text.group("comparison") | {
        "reference": text("limit-now"),
        "same": "",
        "bar-differences": text("limit-difference"),
    }
    components.comparison(panels, at.rows, at.columns, words, "limit-matrices")


def _distances(text: Text, given: Given, now: Chosen, ends: list[Chosen]) -> None:
    """How far it is to each end, in words."""
    distances = []
    for end in ends:
        apart = changed(given.source, now, end, given.head)
        if apart:
            facts = {"name": title(text, end), "largest": f"{apart.largest:.3g}"}
            distances.append(
                text("limit-distance", **facts, mean=f"{float(apart.divergence_T.nanmean()):.3g}")
            )
    st.markdown("  \n".join(distances))


def _curve(
    text: Text,
    given: Given,
    slide: Slide,
    knob: Parameter,
    sizes: Inputs,
    ends: list[Chosen],
    value: float,
) -> None:
    """The distance to each end for every place of the slider."""
    places = knobs.places(knob, sizes)
    places = places[:: max(1, len(places) // CURVE)]
    lines = {}
    for end in ends:
        x, y = [], []
        for place in places:
            apart = changed(
                given.source,
                Chosen(slide.variant.name, ((slide.parameter, place),)),
                end,
                given.head,
            )
            if apart:
                x.append(place)
                y.append(apart.largest)
        lines[title(text, end)] = (x, y)
    titles = (slide.parameter, text("limit-curve"))
    chart = curves(lines, titles, log=False, marks=True, at=value, named=True)
    if knob.log:
        chart.layout["xaxis"]["type"] = "log"
    st.plotly_chart(chart, key="limit-curve", config={"displayModeBar": False})
