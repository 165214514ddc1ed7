"""Variants as text for a link: what is written is read back, and anything else is one sentence."""

from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import attnviz
from attnviz.app.address import CHOICES
from attnviz.app.limit import slides
from attnviz.app.lineup import FEWEST, MOST, SETS, compatible
from attnviz.app.spec import Chosen, parse, to_text
from attnviz.app.text import LANGUAGES
from attnviz.app.text import text as words
from attnviz.attention.parameter import Inputs, Option, Parameter
from attnviz.error import InputError

KNOWN = attnviz.variants()


@st.composite
def chosen(draw: st.DrawFn) -> Chosen:
    """A variant, or two that go together, with some of its parameters anywhere in their ranges."""
    name = draw(st.sampled_from(list(KNOWN)))
    fitting = [other for other in KNOWN if compatible(name, other)]
    if fitting and draw(st.booleans()):
        name = f"{name}+{draw(st.sampled_from(fitting))}"
    values: dict[str, float | str] = {}
    for knob_name, knob in Chosen(name).variant.knobs.items():
        if draw(st.booleans()):
            values[knob_name] = draw(_values(knob))
    return Chosen(name, tuple(sorted(values.items())))


def _values(knob: Parameter | Option) -> st.SearchStrategy[Any]:
    if isinstance(knob, Option):
        return st.sampled_from(knob.options)
    high = 1e6 if isinstance(knob.high, str) else knob.high
    if knob.whole:
        return st.integers(int(knob.low), int(high))
    return st.floats(knob.low, high)


@settings(max_examples=300)
@given(st.lists(chosen(), max_size=6))
def test_what_is_written_is_read_back_to_the_last_bit(many: list[Chosen]) -> None:
    text = to_text(many)
    assert parse(text) == many
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Chosen("softmax"), "softmax"),
        (Chosen("entmax", (("alpha", 1.25),)), "entmax(alpha=1.25)"),
        (Chosen("topk", (("kept", 3.0),)), "topk(kept=3)"),
        (Chosen("topk", (("kept", 3),)), "topk(kept=3)"),
        (Chosen("rope+causal"), "rope+causal"),
        (
            Chosen("xpos", (("base", 50.0), ("layout", "interleaved"))),
            "xpos(base=50,layout=interleaved)",
        ),
        (
            Chosen("alibi+learned", (("alibi.strength", 0.5), ("seed", 3))),
            "alibi+learned(alibi.strength=0.5,seed=3)",
        ),
    ],
)
def test_a_variant_is_written_as_a_reader_would(one: Chosen, text: str) -> None:
    assert one.to_text() == text
    assert parse(text) == [one]


def test_spaces_and_empty_places_mean_nothing() -> None:
    expected = [Chosen("softmax"), Chosen("entmax", (("alpha", 1.5),))]
    assert parse(" softmax ;; entmax( alpha = 1.5 , ) ;") == expected
    assert parse("softmax()") == [Chosen("softmax")]
    for nothing in ("", ";", " ; ;; "):
        assert parse(nothing) == []


def test_parameters_in_another_order_are_the_same_choice() -> None:
    one, other = "topk(kept=4);xpos(base=9,layout=half)", "topk(kept=4);xpos(layout=half,base=9)"
    assert parse(one) == parse(other)


def test_the_same_choice_is_found_again_in_a_cache() -> None:
    assert hash(parse("topk(kept=3)")[0]) == hash(Chosen("topk", (("kept", 3),)))


@given(chosen(), st.floats(1, 2))
def test_a_value_that_is_put_takes_the_place_of_the_last_one(one: Chosen, value: float) -> None:
    once = one.put("zeta", value)
    twice = once.put("zeta", value / 2)
    assert dict(twice.values) == dict(one.values) | {"zeta": value / 2}
    assert twice.name == one.name
    assert list(twice.values) == sorted(twice.values)
    assert one.put("zeta", value) == once


# what is refused


@pytest.mark.parametrize(
    ("text", "code", "facts"),
    [
        ("sofmax", "variant", {"name": "sofmax"}),
        ("softmax;rope+sofmax", "variant", {"name": "sofmax"}),
        ("+", "variant", {"name": ""}),
        ("softmax(", "spec", {"text": "softmax("}),
        ("entmax alpha=1", "spec", {"text": "entmax alpha=1"}),
        ("entmax(alpha=1)x", "spec", {"text": "entmax(alpha=1)x"}),
        ("(alpha=1)", "spec", {"text": "(alpha=1)"}),
        ("soft-max", "spec", {"text": "soft-max"}),
        ("entmax(beta=1)", "unknown", {"variant": "entmax", "name": "beta"}),
        ("softmax(alpha)", "unknown", {"variant": "softmax", "known": "none"}),
        ("alibi+learned(strength=1)", "unknown", {"name": "strength"}),
        ("entmax(alpha=3)", "range", {"value": "3.0", "low": "1", "high": "2"}),
        ("entmax(alpha=)", "range", {"value": ""}),
        ("entmax(alpha=abc)", "range", {"value": "abc"}),
        ("entmax(alpha=nan)", "range", {"value": "nan"}),
        ("entmax(alpha=inf)", "range", {"value": "inf"}),
        ("topk(kept=1.5)", "whole", {"value": "1.5", "low": "1"}),
        ("topk(kept=0)", "whole", {"value": "0.0"}),
        ("padding(length=inf)", "whole", {"value": "inf", "high": "any number"}),
        ("gqa(groups=-1)", "whole", {"name": "groups"}),
        ("rope(layout=third)", "option", {"known": "half, interleaved", "value": "third"}),
        ("rope(layout=1)", "option", {"value": "1"}),
    ],
)
def test_a_mistake_is_named_in_every_language(text: str, code: str, facts: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()
    for language in LANGUAGES:
        said = words(language)(f"error-{code}", **caught.value.facts)
        assert "{" not in said
        assert "\n" not in said


@given(st.text(max_size=60) | st.text("softmaxentk()=;,+.0123456789- ", max_size=60))
@example("topk(kept=1e999)")
@example("gqa(groups=1e999)")
@example("softmax(alpha=1)(alpha=2)")
@example("entmax(alpha=١)")
@example(";" * 3000)
def test_any_text_is_a_line_up_or_one_sentence(text: str) -> None:
    try:
        found = parse(text)
    except InputError as error:
        words("en")(f"error-{error.code}", **error.facts)
        return
    assert parse(to_text(found)) == found


# comparisons to begin with


def test_the_line_up_that_a_page_opens_with_can_be_read() -> None:
    for name in ("compare", "put", "variant"):
        default = CHOICES[name].default
        assert isinstance(default, str)
        assert to_text(parse(default)) == default
    assert CHOICES["limit"].default in slides()
    assert FEWEST <= len(parse(str(CHOICES["compare"].default))) <= MOST


@pytest.mark.parametrize("name", SETS)
def test_a_comparison_to_begin_with_can_be_read_and_computed(name: str) -> None:
    found = parse(SETS[name])
    assert to_text(found) == SETS[name]
    assert FEWEST <= len(found) <= MOST
    assert len({one.name for one in found}) == len(found)
    make = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 4, 12, 16, generator=make) for _ in "qkv")
    for one in found:
        values = one.variant.values(Inputs.of(q, k, v), **dict(one.values))
        assert attnviz.attend(one.name, q, k, v, None, **values)["z"].value.isfinite().all()


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_comparison_to_begin_with_has_a_name(name: str, language: str) -> None:
    assert f"sets-{name}" in words(language)
