"""Sliders stand only where a variant can be computed, and reach its default and its limit cases."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz.app.knobs import MOST, MOST_LOG, places
from attnviz.app.limit import slides
from attnviz.app.text import LANGUAGES, text
from attnviz.attention.parameter import Inputs, Option, Parameter

MEANING = {"en": "a number", "zh": "一个数"}


def inputs(heads: int, tokens: int, keys: int, width: int) -> Inputs:
    sizes = {"B": 1, "H": heads, "G": heads, "T": tokens, "S": keys, "K": width, "E": width}
    return Inputs(sizes | {"D": heads * width, "C": max(tokens, keys)})


SIZES = {
    "random": inputs(4, 12, 12, 16),
    "two tokens": inputs(4, 2, 2, 16),
    "sentence": inputs(8, 9, 14, 32),
    "full": inputs(8, 128, 128, 32),
    "typed": inputs(1, 4, 4, 3),
    "odd": inputs(7, 5, 3, 10),
}
SLIDERS = [
    (variant.name, name)
    for variant in attnviz.variants().values()
    for name, knob in variant.parameters.items()
    if isinstance(knob, Parameter) and name != "seed"
]


def knob_of(variant: str, name: str) -> Parameter:
    knob = attnviz.variants()[variant].parameters[name]
    assert isinstance(knob, Parameter)
    return knob


def parameter(**changes: object) -> Parameter:
    facts = {"default": 1.0, "low": 0.5, "high": 4.0, "meaning": MEANING}
    return Parameter(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", SIZES)
def test_every_place_of_a_slider_can_be_computed_and_the_default_is_one(sizes: str) -> None:
    given_ = SIZES[sizes]
    for variant, name in SLIDERS:
        knob = knob_of(variant, name)
        found = places(knob, given_)
        assert found == sorted(set(found)), (variant, name)
        for place in found:
            assert knob.check(variant, name, place, given_) == place
        usual = knob.usual(given_)
        assert isinstance(usual, float | int)
        assert min(usual, given_.number(knob.high)) in found, (variant, name)


@pytest.mark.parametrize("sizes", SIZES)
def test_a_slider_begins_at_its_lowest_number_and_has_no_more_places_than_a_hand_can_tell(
    sizes: str,
) -> None:
    for variant, name in SLIDERS:
        knob = knob_of(variant, name)
        found = places(knob, SIZES[sizes])
        assert found[0] == knob.low, (variant, name)
        assert len(found) <= 130, (variant, name)


@pytest.mark.parametrize("sizes", SIZES)
def test_a_slider_ends_at_its_highest_number_or_where_the_tokens_do(sizes: str) -> None:
    given_ = SIZES[sizes]
    for variant, name in SLIDERS:
        knob = knob_of(variant, name)
        high, last = given_.number(knob.high), places(knob, given_)[-1]
        if knob.unit == "tokens":
            usual = given_.number(knob.default)
            longest = max(given_.sizes["T"], given_.sizes["S"], usual)
            assert last == min(high, longest), (variant, name)
        elif high <= (MOST_LOG if knob.log else MOST):
            assert last == high, (variant, name)


@pytest.mark.parametrize("sizes", ["random", "sentence", "full"])
def test_a_limit_case_at_a_whole_number_is_a_place_of_its_slider(sizes: str) -> None:
    given_, seen = SIZES[sizes], 0
    for slide in slides().values():
        stops = places(slide.knob, given_)
        for limit in slide.limits:
            value = given_.number(limit.given[slide.parameter])
            beyond = slide.knob.unit == "tokens" and value > stops[-1]
            if value == int(value) and not beyond:
                assert value in stops, (slide.name, value)
                seen += 1
    assert seen > 50


@pytest.mark.parametrize("heads", [1, 2, 3, 4, 6, 7, 8, 12])
def test_heads_are_joined_in_groups_of_one_size(heads: int) -> None:
    knob = parameter(default=1, low=1, high="G", unit="heads", whole=True)
    found = places(knob, inputs(heads, 5, 5, 4))
    assert found == [n for n in range(1, heads + 1) if heads / n == heads // n]


@settings(max_examples=40)
@given(st.integers(1, 200), st.integers(1, 200))
def test_tokens_go_as_far_as_the_longer_side(tokens: int, keys: int) -> None:
    knob = parameter(default=1, low=1, high=1_000_000, unit="tokens", whole=True)
    found = places(knob, inputs(4, tokens, keys, 8))
    assert (found[0], found[-1]) == (1, max(tokens, keys))
    steps = {b - a for a, b in pairwise(found)}
    if max(tokens, keys) <= 64:
        assert steps <= {1}


@given(st.floats(0.01, 2), st.floats(3, 900))
def test_a_logarithmic_slider_goes_in_equal_ratios(low: float, high: float) -> None:
    low, high = float(f"{low:.2g}"), float(f"{high:.2g}")
    found = places(parameter(default=low, low=low, high=high, log=True), inputs(4, 5, 5, 8))
    ratios = [b / a for a, b in pairwise(found)]
    assert (found[0], found[-1]) == (low, high)
    assert max(ratios) / min(ratios) < 1.05
    assert all(place == float(f"{place:.3g}") for place in found)


@given(st.floats(-5, 5), st.floats(6, 90))
def test_a_slider_goes_in_equal_steps_from_end_to_end(low: float, high: float) -> None:
    low, high = float(f"{low:.2g}"), float(f"{high:.2g}")
    found = places(parameter(default=low, low=low, high=high), inputs(4, 5, 5, 8))
    assert (found[0], found[-1]) == (low, high)
    steps = [b - a for a, b in pairwise(found)]
    assert max(steps) - min(steps) < 0.025 * (high - low)


def test_every_unit_has_a_name_in_every_language() -> None:
    units = {
        knob.unit
        for variant in attnviz.variants().values()
        for knob in variant.knobs.values()
        if not isinstance(knob, Option)
    }
    assert "tokens" in units
    for language in LANGUAGES:
        for unit in units - {""}:
            assert f"unit-{unit}" in text(language), unit


# as widgets


def script() -> None:
    import streamlit as st

    import attnviz
    from attnviz.app import knobs
    from attnviz.app.text import text
    from attnviz.attention.parameter import Inputs

    sizes = {"B": 1, "H": 4, "G": 4, "T": 12, "S": 12, "K": 16, "E": 16, "D": 64, "C": 12}
    name, given_ = st.session_state["name"], st.session_state["given"]
    variant = attnviz.variants()[name]
    st.session_state["found"] = knobs.knobs(text("en"), variant, given_, Inputs(sizes), "k")


def drawn(name: str, **given_: float | str) -> AppTest:
    page = AppTest.from_function(script, default_timeout=60)
    page.session_state["name"], page.session_state["given"] = name, given_
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize("name", ["softmax", "t5_bias", "gqa", "nsa"])
def test_a_variant_has_a_widget_for_each_parameter_and_begins_at_its_defaults(name: str) -> None:
    page = drawn(name)
    assert page.session_state["found"] == {}
    widgets = [*page.get("select_slider"), *page.selectbox, *page.number_input, *page.caption]
    assert len(widgets) == len(attnviz.variants()[name].knobs)


def test_what_is_given_is_where_the_widgets_stand_and_what_is_found() -> None:
    given_ = {"strength": 2.0, "direction": "causal", "seed": 5, "buckets": 8}
    page = drawn("t5_bias", **given_)
    assert page.session_state["found"] == given_
    assert page.selectbox(key="k-direction").value == "causal"
    assert page.number_input(key="k-seed").value == 5
    page.selectbox(key="k-direction").set_value("bidirectional").run()
    page.number_input(key="k-seed").set_value(0).run()
    assert page.session_state["found"] == {"strength": 2.0, "buckets": 8}


def test_a_value_between_two_places_goes_to_the_nearer_one() -> None:
    page = drawn("entmax", alpha=1.2613)
    found = page.session_state["found"]["alpha"]
    stops = places(knob_of("entmax", "alpha"), SIZES["random"])
    assert found in stops
    assert abs(found - 1.2613) == min(abs(stop - 1.2613) for stop in stops)
