"""A variant's parameters as widgets: a slider for a range, a list for named ways."""

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from attnviz.app.text import Text
from attnviz.attention.parameter import Inputs, Option, Parameter
from attnviz.attention.variant import Variant

MOST, MOST_LOG = 256, 1_000_000
"""Where a slider ends whose parameter could go on for ever."""
STEPS = 40
"""Places of a slider in equal ratios."""


def knobs(
    text: Text,
    variant: Variant,
    given: Mapping[str, Any],
    inputs: Inputs,
    key: str,
    seen: int | None = None,
) -> dict[str, float | str]:
    """A widget for each parameter of `variant`, starting where `given` says, those after the first
    `seen` folded; the values that differ from the defaults."""
    names = list(variant.knobs)
    first, more = (
        (names, [])
        if seen is None or len(names) <= seen + 1
        else (
            names[:seen],
            names[seen:],
        )
    )
    found = {name: _value(text, variant, name, given, inputs, key) for name in first}
    if more:
        with st.popover(text("more-parameters", n=len(more)), type="tertiary"):
            found |= {name: _value(text, variant, name, given, inputs, key) for name in more}
    return {
        name: value for name, value in found.items() if value != variant.knobs[name].usual(inputs)
    }


def _value(
    text: Text,
    variant: Variant,
    name: str,
    given: Mapping[str, Any],
    inputs: Inputs,
    key: str,
) -> float | str:
    knob = variant.knobs[name]
    return one(text, name, knob, given.get(name, knob.usual(inputs)), inputs, f"{key}-{name}")


def one(
    text: Text, name: str, knob: Parameter | Option, start: Any, inputs: Inputs, key: str
) -> Any:
    """The widget of one parameter. Where the session holds a value already, that one stands."""
    said = knob.meaning[text.language]
    if isinstance(knob, Option):
        if key not in st.session_state:
            st.session_state[key] = start
        return st.selectbox(name, knob.options, help=said, key=key)
    unit = text(f"unit-{knob.unit}") if knob.unit not in ("", name) else ""
    label = f"{name} · {unit}" if unit else name
    if name.rpartition(".")[2] == "seed":
        return _number(label, knob, start, said, key)
    stops = places(knob, inputs)
    if len(stops) == 1:
        st.caption(f"{label} = {stops[0]:g}")
        return stops[0]
    kept = st.session_state.get(key, start)
    if kept not in stops:
        st.session_state[key] = min(stops, key=lambda stop: abs(stop - float(kept)))
    elif key not in st.session_state:
        st.session_state[key] = kept
    return st.select_slider(label, stops, format_func=lambda x: f"{x:g}", help=said, key=key)


def _number(label: str, knob: Parameter, start: Any, said: str, key: str) -> int:
    if key not in st.session_state:
        st.session_state[key] = int(start)
    assert not isinstance(knob.high, str)
    return int(st.number_input(label, int(knob.low), int(knob.high), help=said, key=key))


def places(knob: Parameter, inputs: Inputs) -> list[float]:
    """Where the slider may stand: all whole numbers, or steps, equal or in equal ratios. The
    default is among them."""
    usual = inputs.number(knob.default)
    low, high = knob.low, max(knob.low, _end(knob, inputs, usual))
    if knob.unit == "heads":
        return [n for n in range(int(low), int(high) + 1) if int(high) % n == 0]
    if knob.log and low > 0:
        ratio = (high / low) ** (1 / STEPS)
        found = {low, high, *(_short(low * ratio**i) for i in range(1, STEPS))}
        found = {round(x) for x in found} if knob.whole else found
    elif knob.whole:
        step = max(1, round((high - low) / 64))
        found = {*range(int(low), int(high) + 1, step), int(high)}
    else:
        found = {low, high, *(_short(low + (high - low) * i / STEPS) for i in range(1, STEPS))}
    return sorted({*(x for x in found if low <= x <= high), _end_of(usual, low, high)})


def _end(knob: Parameter, inputs: Inputs, usual: float) -> float:
    high = inputs.number(knob.high)
    if knob.unit == "tokens":
        return min(high, max(inputs.sizes["S"], inputs.sizes["T"], usual))
    return min(high, max(MOST_LOG if knob.log else MOST, 2 * usual))


def _end_of(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _short(value: float) -> float:
    """Three significant digits."""
    if value == 0:
        return 0.0
    return round(value, 2 - math.floor(math.log10(abs(value))))
