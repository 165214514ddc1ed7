"""One slider that turns a variant into another: both ends, what lies between, and how far it is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import streamlit as st

import attnviz
from attnviz.app import components, knobs
from attnviz.app.laboratory import changed, inputs, result
from attnviz.app.matrices import drawn, title
from attnviz.app.source import Given
from attnviz.app.spec import Chosen
from attnviz.app.text import Text
from attnviz.app.vectors import vectors
from attnviz.attention.parameter import Inputs, Option, Parameter
from attnviz.attention.variant import Limit, Variant
from attnviz.figures.cost import curves

CURVE = 24
"""Places of the slider, at most, for which the distance is drawn."""


@dataclass(frozen=True)
class Slide:
    """A parameter of a variant, and the limit cases at its values."""

    variant: Variant
    parameter: str
    knob: Parameter
    limits: tuple[Limit, ...]

    @property
    def name(self) -> str:
        return f"{self.variant.name}.{self.parameter}"


@cache
def slides() -> Mapping[str, Slide]:
    """Every slider there is, by name ("entmax.alpha"); those that reach another variant first."""
    found = []
    for variant in attnviz.variants().values():
        for name, knob in variant.parameters.items():
            if isinstance(knob, Parameter) and name != "seed":
                limits = tuple(x for x in variant.limits if set(x.given) == {name})
                found.append(Slide(variant, name, knob, limits))
    return {slide.name: slide for slide in sorted(found, key=lambda slide: -len(slide.limits[:2]))}


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
    start = slide.knob.usual(sizes)
    value = knobs.one(text, slide.parameter, slide.knob, start, sizes, f"slide-{slide.name}")
    now = _at(slide, value)
    ends = _ends(slide, sizes)
    left, right = st.columns([5, 2], gap="medium")
    with left:
        _pictures(text, given, now, ends)
    with right:
        _distances(text, given, now, ends)
        _curve(text, given, slide, sizes, ends, float(value))


def _said(text: Text, slide: Slide) -> str:
    said = f"{slide.variant.title[text.language]}: {slide.parameter}"
    ends = " ↔ ".join(
        attnviz.variants()[limit.equals].title[text.language] for limit in slide.limits[:2]
    )
    return f"{said} → {ends}" if ends else said


def _at(slide: Slide, value: float) -> Chosen:
    return Chosen(slide.variant.name, ((slide.parameter, value),))


def _ends(slide: Slide, sizes: Inputs) -> list[Chosen]:
    """What stands at both ends of the slider, the smaller value first: the variant that is reached
    there, or where none is, this one itself."""
    known = {
        sizes.number(limit.given[slide.parameter]): _other(limit, sizes) for limit in slide.limits
    }
    stops = knobs.places(slide.knob, sizes)
    for value in (stops[0], stops[-1]):
        if len(known) < 2:
            known.setdefault(value, _at(slide, value))
    found = sorted(known.items())
    return [found[0][1], found[-1][1]]


def _other(limit: Limit, sizes: Inputs) -> Chosen:
    """The other variant, with its parameters for these sizes."""
    knobs_of = attnviz.variants()[limit.equals].knobs
    values = {
        name: value if isinstance(knobs_of[name], Option) else sizes.number(value)
        for name, value in limit.of.items()
    }
    return Chosen(limit.equals, tuple(sorted(values.items())))


def _pictures(text: Text, given: Given, now: Chosen, ends: list[Chosen]) -> None:
    """What the slider gives in the middle, its ends beside it with the difference from it."""
    panels = []
    for i, one in enumerate((ends[0], now, ends[1])):
        apart = None if i == 1 else changed(given.source, one, now, given.head)
        found = result(given.source, one, given.head)
        panels.append(drawn(text, title(text, one), found, apart))
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
            facts = {"name": title(text, end), "largest": _short(apart.largest)}
            distances.append(
                text("limit-distance", **facts, mean=_short(float(apart.divergence_T.nanmean())))
            )
    st.markdown("  \n".join(distances))


def _curve(
    text: Text,
    given: Given,
    slide: Slide,
    sizes: Inputs,
    ends: list[Chosen],
    value: float,
) -> None:
    """The distance to each end for every place of the slider."""
    places = knobs.places(slide.knob, sizes)
    places = places[:: max(1, len(places) // CURVE)]
    lines = {}
    for end in ends:
        x, y = [], []
        for place in places:
            apart = changed(given.source, _at(slide, place), end, given.head)
            if apart:
                x.append(place)
                y.append(apart.largest)
        lines[title(text, end)] = (x, y)
    titles = (slide.parameter, text("limit-curve"))
    chart = curves(lines, titles, log=False, marks=True, at=value, named=True)
    if slide.knob.log:
        chart.layout["xaxis"]["type"] = "log"
    st.plotly_chart(chart, key="limit-curve", config={"displayModeBar": False})


def _short(value: float) -> str:
    """Three digits; a dash where no row has a value."""
    return "–" if math.isnan(value) else f"{value:.3g}"
