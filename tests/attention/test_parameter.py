"""What a variant is given: ranges, defaults that follow from sizes, tensors checked and drawn."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import attnviz
from attnviz.attention.parameter import (
    Inputs,
    Option,
    Parameter,
    Value,
    Weight,
    evaluate,
    normal,
    ones,
    zeros,
)
from attnviz.attention.variant import Variant
from attnviz.error import InputError

B, H, G, T, S, K, E = 2, 6, 3, 4, 7, 8, 5
MEANING = {"en": "a number", "zh": "一个数"}
SIZES = {"B": B, "H": H, "G": G, "T": T, "S": S, "K": K, "E": E, "D": H * K, "C": S}
INPUTS = Inputs(SIZES, torch.float64)
ALL = list(attnviz.variants().values())


def parameter(**changes: Any) -> Parameter:
    facts = {"default": 1.5, "low": 0.5, "high": 4.0, "meaning": MEANING}
    return Parameter(**(facts | changes))


def qkv(b: int = B, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    make = torch.Generator().manual_seed(seed)
    shapes = ((b, H, T, K), (b, G, S, K), (b, G, S, E))
    q, k, v = (torch.randn(*x, dtype=torch.float64, generator=make) for x in shapes)
    return q, k, v


def refused(knob: Parameter | Option, value: Value, inputs: Inputs | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        knob.check("mine", "alpha", value, inputs)
    assert {"variant": "mine", "name": "alpha", "value": str(value)}.items() <= (
        caught.value.facts.items()
    )
    return caught.value


# sizes and rules of sizes


def test_the_sizes_are_those_of_the_tensors_with_room_for_the_longer_side() -> None:
    assert Inputs.of(*qkv()).sizes == SIZES
    long = Inputs.of(torch.zeros(1, H, 9, K), torch.zeros(1, G, S, K), torch.zeros(1, G, S, E))
    assert (long.sizes["C"], long.sizes["T"], long.sizes["S"]) == (9, 9, S)
    assert long.dtype == torch.float32


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("S", S),
        ("maximum(1, H // 4)", max(1, H // 4)),
        ("minimum(C, 2 * K)", min(S, 2 * K)),
        ("K ** -0.5", K**-0.5),
        ("floor(K * log(K))", math.floor(K * math.log(K))),
        ("G / (2 - minimum(1, G % 2))", G / (2 - min(1, G % 2))),
        ("sqrt(D) + 0.25", math.sqrt(H * K) + 0.25),
        (3, 3),
        (0.125, 0.125),
    ],
)
def test_a_number_may_be_a_rule_of_sizes(said: float | str, expected: float) -> None:
    assert INPUTS.number(said) == pytest.approx(expected, rel=1e-15)


def test_a_rule_may_name_other_parameters() -> None:
    assert INPUTS.number("S * window", window=3) == 3 * S
    assert evaluate("block * T + 1", {"block": 2, "T": 5}) == 11


def test_a_rule_with_a_name_that_nobody_knows_says_so() -> None:
    with pytest.raises(KeyError, match="window"):
        INPUTS.number("S * window")


# numbers


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers(-9, 9))
def test_a_number_is_taken_within_its_range_and_nowhere_else(value: float) -> None:
    knob = parameter()
    if 0.5 <= value <= 4:
        assert knob.check("mine", "alpha", value, None) == value
        return
    error = refused(knob, value)
    assert (error.code, error.facts["low"], error.facts["high"]) == ("range", "0.5", "4")
    assert str(error) == f"mine: alpha goes from 0.5 to 4, not {value}"


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers(-2, 9))
def test_a_whole_number_has_no_fraction(value: float) -> None:
    knob = parameter(default=2, low=0, high="S", whole=True, unit="tokens")
    for inputs, high in ((INPUTS, S), (None, math.inf)):
        if math.isfinite(value) and value == math.floor(value) and 0 <= value <= high:
            found = knob.check("mine", "alpha", value, inputs)
            assert found == value
            assert isinstance(found, int)
        else:
            assert refused(knob, value, inputs).code == "whole"


def test_a_range_that_ends_with_the_sizes_is_said_in_numbers() -> None:
    knob = parameter(default=1, low=1, high="S", whole=True, unit="tokens")
    message = "mine: alpha goes in whole numbers from 1 to 7 tokens, not 8"
    assert str(refused(knob, 8, INPUTS)) == message
    unknown = "mine: alpha goes in whole numbers from 1 to any number tokens, not 0"
    assert str(refused(knob, 0)) == unknown


@pytest.mark.parametrize("value", ["1.5", "", "alpha", torch.ones(3)])
def test_a_word_or_a_tensor_is_no_number(value: Value) -> None:
    assert refused(parameter(), value).code == "range"


def test_without_sizes_a_default_stays_the_rule_it_is() -> None:
    knob = parameter(default="K / 3", low=1, high="K", whole=True)
    assert knob.usual() == "K / 3"
    assert knob.usual(INPUTS) == 2
    assert isinstance(knob.usual(INPUTS), int)
    assert parameter().usual() == parameter().usual(INPUTS) == 1.5


def test_an_option_is_one_of_its_names_and_the_first_without_being_asked() -> None:
    knob = Option(options=("half", "interleaved"), meaning=MEANING)
    assert knob.usual() == knob.usual(INPUTS) == knob.default == "half"
    assert knob.check("mine", "alpha", "interleaved", None) == "interleaved"
    error = refused(knob, "other")
    assert (error.code, error.facts["known"]) == ("option", "half, interleaved")
    assert str(error) == "mine: alpha is one of half, interleaved, not other"
    assert refused(knob, 2.0).code == "option"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"H": 1, "G": 1, "T": 1, "S": 1, "C": 1, "K": 2, "E": 2, "D": 2},
        {"H": 12, "G": 4, "T": 128, "S": 96, "C": 128, "K": 64, "E": 64, "D": 768},
        {"H": 7, "G": 7, "T": 3, "S": 2, "C": 3, "K": 6, "E": 9, "D": 42},
    ],
    ids=lambda changes: str(changes.get("S", S)),
)
def test_every_default_is_within_its_own_range(changes: dict[str, int]) -> None:
    inputs = Inputs(SIZES | changes)
    for variant in ALL:
        for name, value in variant.values(inputs).items():
            knob = variant.knobs[name]
            assert knob.check(variant.name, name, value, inputs) == value


# a tensor of one number for each head


def test_a_number_for_each_head_is_what_each_head_would_be_given() -> None:
    q, k, v = qkv()
    scales = torch.linspace(0.2, 2.0, H)
    found = attnviz.attend("ssmax", q, k, v, scale=scales)["pattern"].value
    for h, scale in enumerate(scales.double().tolist()):
        alone = attnviz.attend("ssmax", q, k, v, scale=scale)["pattern"].value
        torch.testing.assert_close(found[:, h], alone[:, h], atol=1e-7, rtol=0)


def test_a_number_for_each_head_and_member_of_a_batch_is_what_each_would_be_given() -> None:
    q, k, v = qkv()
    sinks = torch.randn(B, H, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = attnviz.attend("sink_logit", q, k, v, sink=sinks)["pattern"].value
    for b in range(B):
        one = (x[b : b + 1] for x in (q, k, v))
        alone = attnviz.attend("sink_logit", *one, sink=sinks[b])["pattern"].value
        torch.testing.assert_close(found[b], alone, atol=1e-12, rtol=0)


@pytest.mark.parametrize("shape", [(), (1,), (H - 1,), (G,), (H, 1), (3, H), (1, B, H)])
def test_a_tensor_of_another_shape_than_the_heads_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=rf"scale needs the shape \({H},\) \(H\)") as caught:
        attnviz.attend("ssmax", *qkv(), scale=torch.ones(shape))
    assert caught.value.code == "weight"
    assert caught.value.facts["found"] == str(shape)


def test_a_parameter_without_axes_takes_no_tensor() -> None:
    with pytest.raises(InputError, match="tau goes from"):
        attnviz.attend("temperature", *qkv(), tau=torch.ones(H))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_tensor_with_a_number_that_is_not_finite_is_refused(bad: float) -> None:
    scales = torch.ones(H)
    scales[2] = bad
    with pytest.raises(InputError, match="scale holds a number that is not finite") as caught:
        attnviz.attend("ssmax", *qkv(), scale=scales)
    assert (caught.value.code, caught.value.facts["name"]) == ("finite", "scale")


# weights

TABLE = Weight(axes="features K", meaning=MEANING)


def made(weight: Weight = TABLE, given_: Value | None = None, **about: Any) -> Tensor | None:
    facts = {"variant": "mine", "name": "W", "features": 3, "seed": 0} | about
    numbers = {"features": facts["features"], "seed": facts["seed"]}
    names = facts["variant"], facts["name"]
    inputs = facts.get("inputs", INPUTS)
    return weight.make(*names, given_, inputs, numbers, facts["seed"])


def drawn(**about: Any) -> Tensor:
    found = made(**about)
    assert found is not None
    return found


def test_a_drawn_weight_has_the_shape_that_sizes_and_parameters_say() -> None:
    assert drawn().shape == (3, K)
    assert drawn(features=11).shape == (11, K)
    assert drawn(weight=Weight(axes="H C D", meaning=MEANING)).shape == (H, S, H * K)
    assert drawn(weight=Weight(axes="", meaning=MEANING)).shape == ()


def test_a_drawn_weight_is_of_the_kind_that_the_inputs_are() -> None:
    assert drawn().dtype == torch.float64
    single = drawn(inputs=Inputs(SIZES, torch.float32))
    assert torch.equal(single, drawn().float())


def test_the_same_seed_draws_the_same_numbers_and_another_draws_others() -> None:
    assert torch.equal(drawn(), drawn())
    others = [drawn(seed=1), drawn(name="V"), drawn(variant="other")]
    for i, one in enumerate([drawn(), *others]):
        for two in others[i:]:
            assert not (one == two).any()


def test_drawing_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    drawn()
    assert torch.equal(torch.rand(4), expected)


def test_drawn_numbers_keep_the_size_of_a_vector() -> None:
    table = normal((400, 300), torch.Generator().manual_seed(0))
    assert float(table.mean()) == pytest.approx(0, abs=1e-3)
    assert float(table.var()) == pytest.approx(1 / 300, rel=0.02)
    assert table.dtype == torch.float64


def test_a_weight_may_start_as_zeros_or_ones_whatever_the_seed() -> None:
    for start, number in ((zeros, 0), (ones, 1)):
        weight = Weight(axes="H K", meaning=MEANING, start=start, drawn=False)
        for seed in (0, 7):
            assert (drawn(weight=weight, seed=seed) == number).all()


def test_a_weight_that_is_not_needed_is_none_unless_it_is_given() -> None:
    gates = Weight(axes="H S", meaning=MEANING, needed=False)
    assert made(gates) is None
    given_ = torch.rand(H, S)
    found = made(gates, given_)
    assert found is not None
    assert torch.equal(found, given_.double())


@pytest.mark.parametrize("shape", [(3, K), (B, 3, K)])
def test_a_given_weight_is_used_as_it_is_with_or_without_a_batch(shape: tuple[int, ...]) -> None:
    given_ = torch.randn(shape, dtype=torch.float64)
    found = made(given_=given_)
    assert found is not None
    assert torch.equal(found, given_)


@pytest.mark.parametrize("shape", [(), (K,), (K, 3), (3, K + 1), (1, 3, K), (B + 1, 3, K)])
def test_a_given_weight_of_another_shape_is_refused_with_both(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        made(given_=torch.zeros(shape))
    assert str(caught.value) == f"mine: W needs the shape (3, {K}) (features K), not {shape}"
    assert caught.value.code == "weight"
    facts = {"wanted": f"(3, {K})", "found": str(shape), "axes": "features K"}
    assert facts.items() <= caught.value.facts.items()


@pytest.mark.parametrize("value", [3.0, "table"])
def test_a_number_or_a_word_is_no_weight(value: Value) -> None:
    with pytest.raises(InputError, match=rf"W needs the shape .* not {value!r}"):
        made(given_=value)


def test_a_given_weight_with_a_number_that_is_not_finite_is_refused() -> None:
    given_ = torch.zeros(3, K)
    given_[1, 1] = math.nan
    with pytest.raises(InputError, match="mine: W holds a number that is not finite"):
        made(given_=given_)


# weights of the variants that there are


def test_given_weights_are_those_that_are_computed_with() -> None:
    q, k, v = qkv()
    M = torch.randn(K, K, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    raw = attnviz.attend("general", q, k, v, M=M)["bilinear"].value
    for b, h, t, s in ((0, 0, 0, 0), (1, 5, 3, 6), (0, 2, 1, 4)):
        key, query = k[b, h // 2, s], q[b, h, t]
        expected = sum(
            float(key[i]) * float(M[i, j]) * float(query[j]) for i in range(K) for j in range(K)
        )
        assert float(raw[b, h, t, s]) == pytest.approx(expected, abs=1e-12)


OWNING = [v for v in ALL if any(weight.needed for weight in v.weights.values())]


@pytest.mark.parametrize("variant", OWNING, ids=lambda variant: variant.name)
def test_given_weights_with_a_batch_in_front_are_each_members_own(variant: Variant) -> None:
    make = torch.Generator().manual_seed(5)
    t, e = S if variant.properties.square else T, K if variant.properties.same_width else E
    shapes = ((B, H, t, K), (B, H, S, K), (B, H, S, e))
    q, k, v = (torch.randn(*x, dtype=torch.float64, generator=make) for x in shapes)
    usual = variant.build(Inputs.of(q, k, v)).weights
    for name, weight in usual.items():
        noise = torch.rand(B, *weight.shape, dtype=torch.float64, generator=make)
        each = weight * (1 + noise / 4)
        found = attnviz.attend(variant.name, q, k, v, **{name: each})["z"].value
        for b in range(B):
            one = (x[b : b + 1] for x in (q, k, v))
            alone = attnviz.attend(variant.name, *one, **{name: each[b]})["z"].value
            torch.testing.assert_close(found[b], alone, atol=1e-10, rtol=1e-10)


DRAWING = [v for v in ALL if any(w.needed and w.drawn for w in v.weights.values())]


def test_a_seed_is_a_parameter_where_weights_are_drawn() -> None:
    for variant in ALL:
        own = "seed" in variant.parameters
        assert ("seed" in variant.knobs) == (variant in DRAWING or own), variant.name
        assert list(variant.knobs)[: len(variant.parameters)] == list(variant.parameters)


@pytest.mark.parametrize("variant", DRAWING, ids=lambda variant: variant.name)
def test_a_seed_draws_the_same_weights_again_and_another_draws_others(variant: Variant) -> None:
    inputs = Inputs(SIZES | {"G": H, "E": K, "T": S}, torch.float64)
    first, again, other = (variant.build(inputs, seed=seed).weights for seed in (4, 4, 5))
    needed = [name for name, weight in variant.weights.items() if weight.needed]
    assert list(first) == list(again) == list(other) == needed
    for name in needed:
        assert torch.equal(first[name], again[name])
        assert torch.equal(first[name], other[name]) != variant.weights[name].drawn, name
