"""Alignments of sequence-to-sequence models against published packages and exact definitions."""

import math
import os
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import attnviz
from attnviz.attention.parameter import Inputs
from attnviz.recorder import SILENT

os.environ["KERAS_BACKEND"] = "torch"  # read when keras is imported for the first time
B, H, T, S = 2, 3, 3, 4
SMALL: dict[str, int] = {"b": B, "h": H, "g": H, "t": T, "s": S}


def drawn(name: str, q: Tensor, k: Tensor, v: Tensor) -> dict[str, Tensor]:
    """Normal numbers for every weight of the variant."""
    shapes = attnviz.variants()[name].build(Inputs.of(q, k, v)).weights
    make = torch.Generator().manual_seed(7)
    return {n: torch.randn(x.shape, dtype=q.dtype, generator=make) for n, x in shapes.items()}


def pattern(name: str, *inputs: Any, **given: Any) -> Tensor:
    return attnviz.attend(name, *inputs, **given)["pattern"].value


def masks(t: int, s: int) -> list[Tensor | None]:
    """None, causal, causal with hidden keys, and keys hidden from every query."""
    past, keys = torch.ones(t, s, dtype=torch.bool).tril(s - t), torch.arange(s) != 2
    return [None, past, past & (torch.arange(s) != 0), keys.expand(t, s)]


def scores(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """Scaled dot products, -inf where hidden."""
    found = q @ k.mT / math.sqrt(q.shape[-1])
    return found if mask is None else found.where(mask, -math.inf)


def each_head(function: Callable[..., list[list[float]]], *given: Tensor) -> Tensor:
    """The function of every head's lists, as a tensor."""
    b, h = given[0].shape[:2]
    made = [[function(*(x[i, j].tolist() for x in given)) for j in range(h)] for i in range(b)]
    return torch.tensor(made, dtype=torch.float64)


@pytest.mark.parametrize("reach", [0, 1, 2, 9])
@pytest.mark.parametrize(("t", "s"), [(9, 9), (5, 9), (9, 4)])
def test_local_m_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], reach: int, t: int, s: int
) -> None:
    q, k, v = qkv(t=t, s=s)
    theirs = package("transformers.masking_utils").sliding_window_bidirectional_mask_function(reach)
    mask = theirs(0, 0, torch.arange(t)[:, None], torch.arange(s))
    expected = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    agree("local_m", attnviz.attend("local_m", q, k, v, reach=reach)["z"].value, expected)


def test_a_query_too_far_after_the_last_key_sees_nothing_in_local_m(qkv: Callable) -> None:
    trace = attnviz.attend("local_m", *qkv(t=9, s=4), reach=2)
    assert (trace["pattern"].value.sum(-1) > 0)[0, 0].tolist() == [True] * 6 + [False] * 3
    assert trace.facts["notes"]


@pytest.mark.parametrize("reach", [1, 2, 5])
@pytest.mark.parametrize("which", range(4))
def test_local_p_matches_loops_over_the_equations(
    qkv: Callable, agree: Callable, reach: int, which: int
) -> None:
    q, k, v = qkv(t=5, s=7)
    w = {n: 3 * x for n, x in drawn("local_p", q, k, v).items()}
    mask = masks(5, 7)[which]
    expected = each_head(
        lambda e, q: [_around(*row, w["W_p"], w["v_p"], reach) for row in zip(e, q, strict=True)],
        scores(q, k, mask),
        q,
    )
    agree("local_p", pattern("local_p", q, k, v, mask, reach=reach, **w), expected)


def _around(e: list[float], q: list[float], W_p: Tensor, v_p: Tensor, reach: int) -> list[float]:
    """One row of local-p from its scores and its query."""
    length = max((s + 1 for s, x in enumerate(e) if x > -math.inf), default=0)
    inner = sum(
        float(a) * math.tanh(sum(float(x) * y for x, y in zip(row, q, strict=True)))
        for a, row in zip(v_p, W_p, strict=True)
    )
    p = length / (1 + math.exp(-inner))
    exps = [math.exp(x) if abs(s - p) <= reach else 0.0 for s, x in enumerate(e)]
    total = math.fsum(exps) or 1.0
    spread = 2 * (reach / 2) ** 2
    return [x / total * math.exp(-((s - p) ** 2) / spread) for s, x in enumerate(exps)]


def test_under_a_causal_mask_local_p_does_not_know_how_long_the_text_will_be(
    qkv: Callable,
) -> None:
    q, k, v = qkv()
    w, past = drawn("local_p", q, k, v), torch.ones(9, 9, dtype=torch.bool).tril()
    whole = pattern("local_p", q, k, v, past, **w)
    start = pattern("local_p", *(x[:, :, :4] for x in (q, k, v)), past[:4, :4], **w)
    torch.testing.assert_close(whole[:, :, :4, :4], start, atol=1e-14, rtol=0)


def stops(p: list[list[float]]) -> list[list[float]]:
    """Where the reader stops, by going every way there is; one that passes the end is gone."""
    found = [[0.0] * len(p[0]) for _ in p]

    def go(t: int, at: int, chance: float) -> None:
        for s in range(at, len(p[0])) if t < len(p) else ():
            found[t][s] += chance * p[t][s]
            go(t + 1, s, chance * p[t][s])
            chance *= 1 - p[t][s]

    go(0, 0, 1.0)
    return found


def chunks(found: list[list[float]], u: list[list[float]], window: int) -> list[list[float]]:
    """Each stop's probability, shared out over the `window` keys up to it."""
    spread = [[0.0] * len(row) for row in found]
    for t, row in enumerate(found):
        for c, chance in enumerate(row):
            inside = range(max(0, c - window + 1), c + 1)
            total = math.fsum(math.exp(u[t][x]) for x in inside)
            for s in inside:
                spread[t][s] += chance * math.exp(u[t][s]) / total if chance else 0.0
    return spread


def steps(p: list[list[float]]) -> list[list[float]]:
    """Where the reader stands, by every way to stay or go on; at the last key it stays."""
    found, last = [[0.0] * len(p[0]) for _ in p], len(p[0]) - 1
    for way in product((0, 1), repeat=len(p)):
        at, chance = 0, 1.0
        places = []
        for t, go in enumerate(way):
            stay = 1.0 if at == last else p[t][at]
            chance *= 1 - stay if go else stay
            at = min(at + go, last)
            places.append(at)
        for t, place in enumerate(places):
            found[t][place] += chance
    return found


@pytest.mark.parametrize("offset", [-4.0, 0.0, 2.0])
@pytest.mark.parametrize("which", range(3))
def test_monotonic_matches_the_enumeration_of_all_ways(
    qkv: Callable, agree: Callable, offset: float, which: int
) -> None:
    q, k, v = qkv(**SMALL)
    mask = masks(T, S)[which]
    expected = each_head(stops, (scores(q, k, mask) + offset).sigmoid())
    agree("monotonic", pattern("monotonic", q, k, v, mask, offset=offset), expected)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("window", [1, 2, 3, 9])
@pytest.mark.parametrize("which", range(3))
def test_mocha_matches_loops_and_the_enumeration_of_all_ways(
    qkv: Callable, agree: Callable, own: bool, window: int, which: int
) -> None:
    q, k, v = qkv(**SMALL)
    mask = masks(T, S)[which]
    e = scores(q, k, mask)
    given = {"energies": torch.randn(H, T, S, dtype=q.dtype)} if own else {}
    u = given["energies"].expand_as(e).where(e > -math.inf, -math.inf) if own else e
    expected = each_head(lambda p, u: chunks(stops(p), u, window), e.sigmoid(), u)
    agree("mocha", pattern("mocha", q, k, v, mask, window=window, **given), expected)


@pytest.mark.parametrize("offset", [-4.0, 0.0, 2.0])
@pytest.mark.parametrize(("t", "s"), [(4, 3), (3, 4), (6, 2)])
def test_stepwise_matches_the_enumeration_of_all_ways(
    qkv: Callable, agree: Callable, offset: float, t: int, s: int
) -> None:
    q, k, v = qkv(t=t, s=s)
    expected = each_head(steps, (scores(q, k, None) + offset).sigmoid())
    agree("stepwise", pattern("stepwise", q, k, v, offset=offset), expected)


@pytest.mark.parametrize("name", ["monotonic", "stepwise"])
@pytest.mark.parametrize("hidden", [0, 2, 8])
def test_a_key_hidden_from_all_is_as_if_it_were_not_there(
    qkv: Callable, name: str, hidden: int
) -> None:
    q, k, v = qkv()
    keys = torch.arange(9) != hidden
    found = pattern(name, q, k, v, keys.expand(9, 9))
    expected = pattern(name, q, k[:, :, keys], v[:, :, keys])
    torch.testing.assert_close(found[..., keys], expected, atol=1e-14, rtol=0)
    assert (found[..., hidden] == 0).all()


def test_under_a_causal_mask_stepwise_waits_at_the_last_key_that_it_may_see(
    qkv: Callable,
) -> None:
    q, k, v = qkv()
    past = torch.ones(9, 9, dtype=torch.bool).tril()
    found = pattern("stepwise", q, k, v, past, offset=-30.0)
    torch.testing.assert_close(found, torch.eye(9).double().expand_as(found), atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", ["monotonic", "mocha", "stepwise"])
def test_a_query_that_may_look_at_nothing_moves_nobody(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    mask = torch.ones(9, 9, dtype=torch.bool)
    mask[[0, 4]] = False
    rows = mask.any(-1)
    found = pattern(name, q, k, v, mask)
    torch.testing.assert_close(
        found[:, :, rows], pattern(name, q[:, :, rows], k, v), atol=1e-14, rtol=0
    )
    assert (found[:, :, ~rows] == 0).all()


def test_the_row_sums_of_monotonic_attention_only_fall_and_mocha_keeps_them(
    qkv: Callable,
) -> None:
    q, k, v = qkv()
    sums = pattern("monotonic", q, k, v, offset=-2.0).sum(-1)
    assert (sums.diff(dim=-1) <= 1e-14).all()
    assert (sums < 1).all()
    chunked = pattern("mocha", q, k, v, offset=-2.0).sum(-1)
    torch.testing.assert_close(chunked, sums, atol=1e-14, rtol=0)


def test_a_reader_that_always_stops_stays_at_the_first_key(qkv: Callable) -> None:
    found = pattern("monotonic", *qkv(), offset=30.0)
    torch.testing.assert_close(found[..., 0], torch.ones_like(found[..., 0]), atol=1e-8, rtol=0)


@pytest.mark.parametrize("name", ["monotonic", "mocha", "stepwise"])
def test_certain_probabilities_leave_weights_and_gradients_finite(name: str) -> None:
    q = torch.tensor([200.0, -200.0, 0.0, 200.0])[None, None, :, None].requires_grad_()
    k = torch.tensor([1.0, -1.0, 5.0, -5.0, 0.0])[None, None, :, None]
    v = torch.eye(5)[None, None]
    parts = attnviz.variants()[name].build(Inputs.of(q, k, v))
    assert parts.normalize is not None
    found = parts.normalize(q @ k.mT, SILENT)
    (found @ v).square().sum().backward()
    assert q.grad is not None
    assert found.isfinite().all()
    assert q.grad.isfinite().all()


def test_stepwise_moves_on_by_at_most_one_place(qkv: Callable) -> None:
    found = pattern("stepwise", *qkv(t=7))
    place = (found * torch.arange(9)).sum(-1).diff(dim=-1)
    assert (place >= -1e-14).all()
    assert (place <= 1 + 1e-14).all()


def test_pointer_matches_keras(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    q, k, v = qkv(t=5)
    w = drawn("pointer", q, k, v)
    theirs = package("keras").layers.AdditiveAttention(use_scale=True, dtype="float64")
    queries = functional.linear(q, w["W_Q"], w["b"]).flatten(0, 1)  # their layer has no maps
    keys, values = functional.linear(k, w["W_K"]).flatten(0, 1), v.flatten(0, 1)
    theirs.build([queries.shape, values.shape, keys.shape])
    theirs.set_weights([w["v_a"]])
    _, weights = theirs([queries, values, keys], return_attention_scores=True)
    ours = attnviz.attend("pointer", q, k, v, **w)
    agree("pointer", ours["pattern"].value, weights.detach().unflatten(0, (2, 6)))


@pytest.mark.parametrize("offset", [-30.0, 0.0, 1.5, 30.0])
def test_written_and_copied_words_are_one_distribution(qkv: Callable, offset: float) -> None:
    q, k, v = qkv(t=5)
    w = drawn("pointer", q, k, v)
    trace = attnviz.attend("pointer", q, k, v, offset=offset, **w)
    gate = torch.sigmoid(trace["z"].value @ w["w_z"] + q @ w["w_q"] + offset)[..., None]
    torch.testing.assert_close(trace["p_gen"].value, gate, atol=1e-14, rtol=0)
    words = torch.tensor([4, 1, 4, 0, 2, 2, 4, 6, 3]).expand(2, 6, 5, 9)  # the source's tokens
    vocabulary = torch.randn(2, 6, 5, 8, dtype=q.dtype).softmax(-1)
    mixture = (gate * vocabulary).scatter_add(-1, words, trace["copied"].value)
    torch.testing.assert_close(mixture.sum(-1), torch.ones_like(mixture[..., 0]))
    assert (mixture >= 0).all()
    if abs(offset) == 30:
        only = vocabulary if offset > 0 else mixture - gate * vocabulary
        torch.testing.assert_close(mixture, only, atol=1e-7, rtol=0)


@pytest.mark.parametrize(("t", "s"), [(9, 9), (5, 9), (9, 5)])
def test_conv_seq2seq_matches_torchs_kernel(qkv: Callable, agree: Callable, t: int, s: int) -> None:
    q, k, v = qkv(t=t, s=s, g=2, e=5)
    w = drawn("conv_seq2seq", q, k, v)
    queries = (functional.linear(q, w["W"], w["b"]) + w["g"][:t]) * math.sqrt(0.5)
    expected = functional.scaled_dot_product_attention(
        queries, k, v + w["e"][:s], scale=1.0, enable_gqa=True
    )
    agree("conv_seq2seq", attnviz.attend("conv_seq2seq", q, k, v, **w)["z"].value, expected)


@pytest.mark.parametrize("name", ["local_p", "pointer", "conv_seq2seq", "mocha"])
def test_every_member_of_a_batch_may_have_weights_of_its_own(qkv: Callable, name: str) -> None:
    q, k, v = qkv(t=5, e=4)
    given = drawn(name, q, k, v) or {"energies": torch.randn(6, 5, 9, dtype=q.dtype)}
    each = [{n: x * (i + 1) for n, x in given.items()} for i in range(2)]
    both = {n: torch.stack((each[0][n], each[1][n])) for n in each[0]}
    together = attnviz.attend(name, q, k, v, **both)["z"].value
    for i, w in enumerate(each):
        alone = attnviz.attend(name, *(x[i : i + 1] for x in (q, k, v)), **w)["z"].value
        torch.testing.assert_close(together[i], alone, atol=1e-13, rtol=0)
