"""The vectors of a comparison: the model's own, random ones that come again, and those typed."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import attnviz
from attnviz.app.session import Request
from attnviz.app.text import LANGUAGES, text
from attnviz.app.vectors import MOST_TOKENS, MOST_WIDTH, Source, first, typed, vectors
from attnviz.error import InputError
from attnviz.pretrained import Bundle

RANDOM = Source(tokens=5, keys=7, width=3, heads=4, seed=2)
TEXT = "I read two good books at home."
Matrices = list[list[list[float]]]


@st.composite
def matrices(draw: st.DrawFn) -> Matrices:
    t, k = draw(st.integers(1, MOST_TOKENS)), draw(st.integers(1, MOST_WIDTH))
    row = st.lists(st.floats(-1e3, 1e3), min_size=k, max_size=k)
    return draw(st.lists(st.lists(row, min_size=t, max_size=t), min_size=3, max_size=3))


# typed


@given(matrices())
def test_typed_numbers_are_q_k_and_v_of_one_head_to_the_last_bit(numbers: Matrices) -> None:
    for found, expected in zip(typed(json.dumps(numbers)), numbers, strict=True):
        assert found.dtype == torch.float64
        assert found.shape[:2] == (1, 1)
        assert found[0, 0].tolist() == expected


def refused(numbers: str) -> InputError:
    with pytest.raises(InputError) as caught:
        typed(numbers)
    for language in LANGUAGES:
        assert text(language)(f"error-{caught.value.code}", **caught.value.facts)
    return caught.value


def ones(*shape: int) -> str:
    return json.dumps(torch.ones(shape).tolist())


@pytest.mark.parametrize(
    "numbers",
    [
        *("", "{", "7", "null", '"x"', "[]", "[[]]", "[[[]]]", "[[[]], [[]], [[]]]", "{}"),
        *(ones(3), ones(3, 2), ones(2, 2, 2), ones(4, 2, 2), ones(3, 2, 2, 1), ones(3, 2, 0)),
        *('[[["a"]], [[1]], [[1]]]', "[[[null]], [[1]], [[1]]]", "[[[1, 2], [3]]]"),
        *("[[[1]], [[1]], [[1, 2]]]", "[" * 5000, f"[[[1{'0' * 400}]], [[1]], [[1]]]"),
        *('{"q": [[1]], "k": [[1]], "v": [[1]]}', ones(3, MOST_TOKENS + 1, MOST_WIDTH)),
        *(ones(3, MOST_TOKENS, MOST_WIDTH + 1), ones(3, 99, 99)),
    ],
    ids=lambda numbers: numbers[:24],
)
def test_what_is_not_three_small_matrices_of_one_shape_is_refused(numbers: str) -> None:
    assert refused(numbers).code == "typed"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_typed_number_that_is_not_finite_is_refused(number: str) -> None:
    assert refused(f"[[[1]], [[{number}]], [[1]]]").code == "finite"


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=20,
)


@given(anything.map(json.dumps) | st.text(max_size=40))
def test_anything_typed_is_three_matrices_or_one_sentence(numbers: str) -> None:
    try:
        found = typed(numbers)
    except InputError as error:
        code = error.code
    else:
        assert len({x.shape for x in found}) == 1
        assert all(x.isfinite().all() for x in found)
        return
    assert code in ("typed", "finite")


@given(st.integers(1, MOST_TOKENS), st.integers(1, MOST_WIDTH))
def test_the_numbers_to_begin_with_can_be_typed_and_have_one_digit(t: int, k: int) -> None:
    for found in typed(first(t, k)):
        assert found.shape == (1, 1, t, k)
        assert found.tolist() == [[[[round(x, 1) for x in row] for row in found[0, 0].tolist()]]]
    assert first(t, k) == first(t, k)


def test_typed_vectors_are_named_by_their_place() -> None:
    found = vectors(Source(numbers=ones(3, 4, 2)))
    assert found.rows == found.columns == ("x1", "x2", "x3", "x4")
    assert found.mask is None


# random


def test_random_vectors_have_the_sizes_that_are_asked_for() -> None:
    found = vectors(RANDOM)
    assert (found.q.shape, found.k.shape, found.v.shape) == (
        (1, 4, 5, 3),
        (1, 4, 7, 3),
        (1, 4, 7, 3),
    )
    assert found.q.dtype == torch.float64
    assert (found.rows, found.columns) == (tuple("01234"), tuple("0123456"))


def parts(source: Source) -> tuple[Tensor, Tensor, Tensor]:
    found = vectors(source)
    return found.q, found.k, found.v


def test_the_same_seed_gives_the_same_vectors_and_another_gives_others() -> None:
    found = parts(RANDOM)
    vectors.clear()  # type: ignore[attr-defined]
    again, others = parts(RANDOM), parts(replace(RANDOM, seed=3))
    for one, same, other in zip(found, again, others, strict=True):
        assert torch.equal(one, same)
        assert not (one == other).any()


def test_random_scores_have_a_variance_of_about_one() -> None:
    found = vectors(Source(tokens=64, keys=64, width=16, heads=4, seed=1))
    scores = found.q @ found.k.transpose(-1, -2) / math.sqrt(16)
    assert float(scores.var()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("tokens", "keys"), [(5, 7), (6, 6), (4, 3)])
def test_under_a_causal_mask_the_last_query_sees_the_last_key_and_none_a_later_one(
    tokens: int, keys: int
) -> None:
    source = replace(RANDOM, tokens=tokens, keys=keys)
    assert vectors(source).mask is None
    mask = vectors(replace(source, causal=True)).mask
    assert mask is not None
    expected = [[s <= t + keys - tokens for s in range(keys)] for t in range(tokens)]
    assert mask.tolist() == expected


# of a sentence


@pytest.mark.parametrize(
    ("block", "layer"), [("encoder.self", 1), ("decoder.self", 2), ("decoder.cross", 0)]
)
def test_the_vectors_of_a_sentence_are_those_of_the_model(
    en_zh: Bundle, block: str, layer: int
) -> None:
    trace = attnviz.run(en_zh, TEXT)
    source = Source(request=Request("en-zh", TEXT, "", None), block=block, layer=layer)
    found = vectors(source)
    stack, kind = block.split(".")
    for name in "qkv":
        expected = trace[f"{stack}.{layer}.{kind}.{name}"].value
        assert torch.equal(getattr(found, name)[0].cpu(), expected)
    assert (len(found.rows), len(found.columns)) == (found.q.shape[2], found.k.shape[2])
    pattern = attnviz.attend("softmax", found.q, found.k, found.v, _mask(source))["pattern"].value
    own = trace[f"{stack}.{layer}.{kind}.pattern"].value
    torch.testing.assert_close(pattern, own, atol=1e-6, rtol=1e-5)


def _mask(source: Source) -> Any:
    return vectors(replace(source, causal=source.block == "decoder.self")).mask


def test_a_sentence_that_is_empty_is_refused(en_zh: Bundle) -> None:
    with pytest.raises(InputError) as caught:
        vectors(Source(request=Request("en-zh", "  ", "", None), block="encoder.self"))
    assert caught.value.code == "empty"
