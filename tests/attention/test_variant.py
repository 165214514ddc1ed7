"""A variant builds its parts from what it is given, and several of them are one."""

import math
from functools import cache
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import attnviz
from attnviz import rule
from attnviz.attention.catalogue import find
from attnviz.attention.core import STANDARD
from attnviz.attention.core import attend as path
from attnviz.attention.cost import together
from attnviz.attention.parameter import Inputs, Option, Parameter, Weight
from attnviz.attention.parts import INSIDE, Parts, combine, over
from attnviz.attention.variant import Properties, Variant, joined
from attnviz.error import InputError
from attnviz.recorder import Recorder

H, S, K, E = 4, 7, 8, 6
SIZES = {"B": 1, "H": H, "G": H, "T": S, "S": S, "K": K, "E": K, "D": H * K, "C": S}
INPUTS = Inputs(SIZES, torch.float64)
MEANING = {"en": "a number", "zh": "一个数"}
KNOWN = attnviz.variants()
SAME: dict[str, Any] = {"atol": 0, "rtol": 0}
EXACT: dict[str, Any] = {"atol": 1e-12, "rtol": 1e-12}


def qkv(seed: int = 0, t: int = S, e: int = K) -> tuple[Tensor, Tensor, Tensor]:
    make = torch.Generator().manual_seed(seed)
    shapes = ((1, H, t, K), (1, H, S, K), (1, H, S, e))
    q, k, v = (torch.randn(*x, dtype=torch.float64, generator=make) for x in shapes)
    return q, k, v


def mine(**changes: Any) -> Variant:
    """A variant that notes what its parts are made of."""
    facts: dict[str, Any] = {
        "name": "mine",
        "title": {"en": "Mine", "zh": "我的"},
        "words": {"en": "It is mine.", "zh": "这是我的。"},
        "paper": "Nobody 2020",
        "formula": "A",
        "parts": Parts(),
        "oracle": None,
    }
    return Variant(**(facts | changes))


# one variant


def test_parts_are_made_of_the_parameters_and_the_weights_by_name() -> None:
    seen: dict[str, Any] = {}

    def make(**given_: Any) -> Parts:
        seen.update(given_)
        return Parts()

    variant = mine(
        parts=make,
        parameters={
            "window": Parameter(default="S - 2", low=1, high="S", whole=True, meaning=MEANING),
            "way": Option(options=("up", "down"), meaning=MEANING),
        },
        weights={
            "W": Weight(axes="window K", meaning=MEANING),
            "gates": Weight(axes="H S", meaning=MEANING, needed=False),
        },
    )
    built = variant.build(INPUTS, way="down")
    assert (seen["window"], seen["way"], seen["gates"]) == (S - 2, "down", None)
    assert seen["W"].shape == (S - 2, K)
    assert "seed" not in seen
    assert built.weights.keys() == {"W"}
    assert built.weights["W"] is seen["W"]
    variant.build(INPUTS, window=2, gates=torch.ones(H, S))
    assert (seen["window"], seen["way"], seen["W"].shape) == (2, "up", (2, K))
    assert seen["gates"].tolist() == [[1.0] * S] * H


def test_a_seed_that_a_variant_declares_itself_is_handed_on() -> None:
    seen: dict[str, Any] = {}

    def make(seed: int) -> Parts:
        seen["seed"] = seed
        return Parts()

    own = Parameter(default=3, low=0, high=9, whole=True, meaning=MEANING)
    variant = mine(parts=make, parameters={"seed": own})
    variant.build()
    assert seen == {"seed": 3}
    assert variant.knobs == {"seed": own}


def test_parts_that_need_nothing_are_the_same_for_every_input() -> None:
    parts = Parts(score=STANDARD.score)
    assert mine(parts=parts).build() is mine(parts=parts).build(INPUTS) is parts


@pytest.mark.parametrize(
    ("name", "given_", "said"),
    [
        ("entmax", {"beta": 1}, "entmax has no parameter beta; it has alpha"),
        ("dot", {"b": 1, "a": 2}, "dot has no parameter a, b; it has none"),
        ("general", {"W": 1}, "general has no parameter W; it has seed, M"),
        ("causal", {"seed": 0}, "causal has no parameter seed; it has none"),
        (
            "sliding_window+general",
            {"alpha": 1},
            "sliding_window+general has no parameter alpha; it has window, seed, M",
        ),
    ],
)
def test_an_unknown_parameter_is_refused_with_all_that_there_are(
    name: str, given_: dict[str, float], said: str
) -> None:
    variant = find(name)
    for call in (variant.values, variant.build):
        with pytest.raises(InputError) as caught:
            call(INPUTS, **given_)
        assert str(caught.value) == said
        assert (caught.value.code, caught.value.facts["variant"]) == ("unknown", name)


def test_values_are_the_given_ones_and_the_defaults_of_the_others() -> None:
    variant = KNOWN["t5_bias"]
    found = variant.values(INPUTS, buckets=8.0, direction="causal")
    expected = {"buckets": 8, "max_distance": 128, "direction": "causal", "strength": 1.0}
    assert found == expected | {"seed": 0}
    assert list(found) == list(variant.knobs)


def test_a_variant_is_built_the_same_at_its_defaults_whether_they_are_given_or_not() -> None:
    for name, variant in KNOWN.items():
        q, k, v = qkv(e=K if variant.properties.same_width else E)
        inputs = Inputs.of(q, k, v)
        built = [variant.build(inputs), variant.build(inputs, **variant.values(inputs))]
        one, two = (path(q, k, v, None, over(STANDARD, parts)) for parts in built)
        assert torch.equal(one.nan_to_num(), two.nan_to_num()), name


# several as one


def by_hand(names: tuple[str, ...], q: Tensor, k: Tensor, v: Tensor, **given_: Any) -> Recorder:
    """The path with the parts of all of them, each with its own parameters."""
    inputs = Inputs.of(q, k, v)
    built = [KNOWN[name].build(inputs, **given_.get(name, {})) for name in names]
    rec = Recorder()
    path(q, k, v, None, over(STANDARD, combine(*built)), rec)
    return rec


@cache
def filled(name: str) -> frozenset[str]:
    return frozenset(KNOWN[name].build(INPUTS).filled)


def clash(one: str, other: str) -> bool:
    """Whether both fill a part, or one fills what the other's own path takes the place of."""
    ours, theirs = filled(one), filled(other)
    covered = any("whole" in a and b & INSIDE for a, b in ((ours, theirs), (theirs, ours)))
    return bool(ours & theirs) or covered


names = st.sampled_from(list(KNOWN))


@settings(max_examples=60)
@given(names, names)
def test_two_variants_joined_are_their_parts_in_one_path_or_are_refused(
    one: str, other: str
) -> None:
    q, k, v = qkv()
    if clash(one, other):
        with pytest.raises(InputError) as caught:
            attnviz.attend(f"{one}+{other}", q, k, v)
        assert caught.value.code == "clash"
        assert caught.value.facts["part"] in filled(one) | filled(other)
        return
    try:
        expected = by_hand((one, other), q, k, v).kept()
    except InputError:  # a path that does not take the other's mask says so
        with pytest.raises(InputError):
            attnviz.attend(f"{one}+{other}", q, k, v)
        return
    found = attnviz.attend(f"{one}+{other}", q, k, v)
    assert list(found) == ["q", "k", "v", *expected]
    for name, kept in expected.items():
        torch.testing.assert_close(found[name].value, kept.value[0], **SAME, equal_nan=True)


def test_three_variants_with_parameters_are_composed_as_by_hand() -> None:
    q, k, v = qkv(e=E)
    given_ = {"rope": {"base": 50.0}, "sliding_window": {"window": 3}, "entmax": {"alpha": 1.25}}
    expected = by_hand(tuple(given_), q, k, v, **given_).kept()
    flat: dict[str, Any] = {n: x for values in given_.values() for n, x in values.items()}
    for name in ("rope+sliding_window+entmax", "entmax + rope + sliding_window"):
        found = attnviz.attend(name, q, k, v, **flat)
        assert found.facts["variant"] == name
        for step in ("pattern", "z"):
            assert torch.equal(found[step].value, expected[step].value[0])


@settings(max_examples=40)
@given(seed=st.integers(0, 2**16), window=st.integers(1, S), tau=st.floats(0.1, 9))
def test_a_window_with_a_temperature_is_torchs_kernel_with_a_band_and_a_scale(
    seed: int, window: int, tau: float
) -> None:
    q, k, v = qkv(seed, e=E)
    found = attnviz.attend("sliding_window+temperature", q, k, v, window=window, tau=tau)
    back = torch.arange(S)[:, None] - torch.arange(S)
    band = (back >= 0) & (back < window)
    expected = F.scaled_dot_product_attention(q, k, v, band, scale=1 / (tau * math.sqrt(K)))
    torch.testing.assert_close(found["z"].value, expected[0], **EXACT)


def test_a_variant_alone_is_not_joined() -> None:
    assert joined(KNOWN["rope"]) is KNOWN["rope"]
    assert find(" rope ") is KNOWN["rope"]


def test_joined_variants_are_described_together() -> None:
    parts = [KNOWN[name] for name in ("causal", "alibi", "entmax")]
    one = joined(*parts)
    assert one.name == "causal+alibi+entmax"
    for language in ("en", "zh"):
        assert one.title[language] == " + ".join(v.title[language] for v in parts)
        assert one.words[language] == " ".join(v.words[language] for v in parts)
    assert one.paper == "; ".join(dict.fromkeys(v.paper for v in parts))
    assert all(v.formula in one.formula for v in parts)
    assert one.oracle is None
    assert one.cost == together(*(v.cost for v in parts))


def test_a_paper_of_two_variants_is_named_once() -> None:
    assert find("scaled_dot+causal").paper == KNOWN["causal"].paper == KNOWN["scaled_dot"].paper


@settings(max_examples=80)
@given(names, names)
def test_joined_variants_promise_no_more_than_each_of_them(one: str, other: str) -> None:
    ours, theirs = KNOWN[one].properties, KNOWN[other].properties
    found = joined(KNOWN[one], KNOWN[other]).properties
    for name in ("negative", "causal", "sparse", "square", "same_width", "mixes_heads"):
        assert getattr(found, name) == (getattr(ours, name) or getattr(theirs, name)), name
    for name in ("maskable", "differentiable", "stable"):
        assert getattr(found, name) == (getattr(ours, name) and getattr(theirs, name)), name
    loosest = {"one": 0, "at most one": 1, "any": 2}
    assert loosest[found.row_sum] == max(loosest[p.row_sum] for p in (ours, theirs))


def test_every_promise_is_joined() -> None:
    loose = Properties(
        row_sum="any",
        **dict.fromkeys(("negative", "causal", "sparse", "square"), True),
        **dict.fromkeys(("same_width", "mixes_heads"), True),
        **dict.fromkeys(("maskable", "differentiable", "stable"), False),
    )
    assert joined(mine(properties=loose), mine(name="other")).properties == loose


# names of parameters


def test_a_parameter_that_one_of_them_has_keeps_its_name() -> None:
    found = find("rope+sliding_window+entmax")
    assert list(found.knobs) == ["layout", "base", "window", "alpha"]
    assert found.knobs["window"] is KNOWN["sliding_window"].knobs["window"]


def test_a_parameter_that_two_of_them_have_is_written_with_the_variants_name() -> None:
    found = find("alibi+learned")
    assert found.knobs.keys() == {"alibi.strength", "learned.strength", "seed"}
    q, k, v = qkv()
    values: dict[str, Any] = {"alibi.strength": 0.5, "learned.strength": 2.0, "seed": 6}
    given_ = {"alibi": {"strength": 0.5}, "learned": {"strength": 2.0, "seed": 6}}
    expected = by_hand(("alibi", "learned"), q, k, v, **given_).kept()["z"].value
    assert torch.equal(attnviz.attend("alibi+learned", q, k, v, **values)["z"].value, expected[0])


def test_a_name_that_two_of_them_have_is_unknown_without_the_variants_name() -> None:
    with pytest.raises(InputError, match=r"no parameter strength; it has alibi\.strength, .*"):
        find("alibi+learned").values(strength=1.0)


def test_a_range_is_refused_under_the_name_that_was_given() -> None:
    with pytest.raises(InputError, match=r"^alibi\+learned: alibi\.strength goes from 0 to 10"):
        find("alibi+learned").build(INPUTS, **{"alibi.strength": -1})


def test_two_that_draw_have_a_seed_each_and_no_third() -> None:
    found = find("learned+general")
    assert found.knobs.keys() == {"strength", "learned.seed", "general.seed"}
    base = found.build(INPUTS).weights
    for name, changed in (("learned.seed", "place_table"), ("general.seed", "M")):
        other = found.build(INPUTS, **{name: 8}).weights
        for weight in ("place_table", "M"):
            assert torch.equal(other[weight], base[weight]) == (weight != changed)


@pytest.mark.parametrize(
    ("name", "given_"),
    [
        ("additive+gated", ["additive.b", "gated.b", "W_Q", "W_K", "v_a", "W_G"]),
        ("location+talking_heads", ["location.W", "talking_heads.W", "P"]),
        ("general+t5_bias", None),
        ("alibi+gated", ["slopes", "W_G", "b"]),
    ],
)
def test_weights_of_joined_variants_are_all_there_under_their_own_names(
    name: str, given_: list[str] | None
) -> None:
    if given_ is None:
        with pytest.raises(InputError, match="score"):
            find(name).build(INPUTS)
        return
    variant = find(name)
    assert variant.weights.keys() == set(given_)
    assert variant.build(INPUTS).weights.keys() == set(given_)


def test_a_given_weight_goes_to_the_variant_whose_it_is() -> None:
    q, k, v = qkv()
    b, other = torch.full((K,), 0.5).double(), torch.full((H, K), -2.0).double()
    found = attnviz.attend("additive+gated", q, k, v, **{"additive.b": b, "gated.b": other})
    expected = by_hand(("additive", "gated"), q, k, v, additive={"b": b}, gated={"b": other})
    assert torch.equal(found["z"].value, expected.kept()["z"].value[0])


@pytest.mark.parametrize("name", ["additive+gated", "location+talking_heads", "learned+general"])
def test_every_step_of_joined_variants_knows_what_it_was_made_of(name: str) -> None:
    for step, kept in attnviz.attend(name, *qkv()).items():
        if kept.step.rule and step not in ("q", "k", "v"):
            assert set(rule.operands(rule.parse(kept.step.rule))) <= kept.inputs.keys(), step


# names of variants


@pytest.mark.parametrize(
    ("name", "unknown"),
    [("sofmax", "sofmax"), ("rope+sofmax", "sofmax"), ("", ""), ("rope+", ""), ("ROPE", "ROPE")],
)
def test_a_name_that_is_not_known_is_said_with_those_that_are(name: str, unknown: str) -> None:
    with pytest.raises(InputError) as caught:
        find(name)
    assert str(caught.value).startswith(f"there is no variant {unknown!r}; known are additive, ")
    assert (caught.value.code, caught.value.facts["name"]) == ("variant", unknown)
    assert caught.value.facts["known"] == ", ".join(KNOWN)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("entmax+sigmoid", "normalize"),
        ("rope+causal+learned", "place"),
        ("causal+sliding_window", "allow"),
        ("dot+gaussian", "score"),
        ("alibi+temperature", "bias"),
        ("gqa+mqa", "share"),
        ("linear+retention", "whole"),
        ("linear+entmax", "normalize"),
        ("linear+dot", "score"),
        ("alibi+linear", "bias"),
        ("linear+gated", "mix"),
        ("rope+rope", "place"),
    ],
)
def test_variants_that_fill_one_part_are_refused_by_its_name(name: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        attnviz.attend(name, *qkv())
    assert (caught.value.code, caught.value.facts) == ("clash", {"part": part})
    assert repr(part) in str(caught.value)


def test_every_part_of_the_path_is_filled_by_some_variant() -> None:
    assert set().union(*map(filled, KNOWN)) == {
        *("share", "place", "score", "bias", "allow", "normalize", "mix", "whole")
    }


def test_more_variants_go_together_than_there_are_variants() -> None:
    together_ = sum(not clash(a, b) for a, b in combinations(KNOWN, 2) if filled(a) and filled(b))
    assert together_ > len(KNOWN)
