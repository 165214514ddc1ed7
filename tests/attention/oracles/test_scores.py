"""Scoring functions against published packages and exact definitions."""

import math
import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import attnviz
from attnviz.attention.parameter import Inputs, Value

os.environ["KERAS_BACKEND"] = "torch"  # read when keras is imported for the first time


def test_dot_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    expected = functional.scaled_dot_product_attention(q, k, v, scale=1.0)
    agree("dot", attnviz.attend("dot", q, k, v)["z"].value, expected)


def test_scaled_dot_matches_torchs_kernel(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    expected = functional.scaled_dot_product_attention(q, k, v)
    agree("scaled_dot", attnviz.attend("scaled_dot", q, k, v)["z"].value, expected)


def test_general_matches_torchs_bilinear(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5)
    M = torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    keys, queries = torch.broadcast_tensors(k[:, :, None], q[:, :, :, None])
    scores = functional.bilinear(keys.contiguous(), queries.contiguous(), M[None])[..., 0]
    ours = attnviz.attend("general", q, k, v, M=M)
    agree("general", ours["pattern"].value, scores.softmax(-1))


def drawn(name: str, q: Tensor, k: Tensor, v: Tensor, **parameters: Value) -> dict[str, Tensor]:
    """Normal numbers for every weight of the variant."""
    variant, inputs = attnviz.variants()[name], Inputs.of(q, k, v)
    shapes = variant.build(inputs, **parameters).weights
    make = torch.Generator().manual_seed(7)
    return {n: torch.randn(x.shape, dtype=q.dtype, generator=make) for n, x in shapes.items()}


def heads(x: Tensor, n: int = 6) -> Tensor:
    """Keys for every query head, heads and batch in one axis."""
    return x.repeat_interleave(n // x.shape[1], dim=1).flatten(0, 1)


@pytest.mark.parametrize("hidden", [1, 8, 13])
def test_additive_matches_keras(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], hidden: int
) -> None:
    q, k, v = qkv(t=5, g=2)
    w = drawn("additive", q, k, v, hidden=hidden)
    theirs = package("keras").layers.AdditiveAttention(use_scale=True, dtype="float64")
    queries = heads(functional.linear(q, w["W_Q"], w["b"]))  # their layer has no maps of its own
    keys, values = heads(functional.linear(k, w["W_K"])), heads(v)
    theirs.build([queries.shape, values.shape, keys.shape])
    theirs.set_weights([w["v_a"]])
    _, pattern = theirs([queries, values, keys], return_attention_scores=True)
    ours = attnviz.attend("additive", q, k, v, hidden=hidden, **w)
    agree("additive", ours["pattern"].value, pattern.detach().unflatten(0, (2, 6)))


def test_no_additive_score_is_larger_than_the_sum_of_the_weights(qkv: Callable) -> None:
    q, k, v = qkv()
    w = drawn("additive", q, k, v)
    scores = attnviz.attend("additive", 100 * q, 100 * k, v, **w)["scores"].value
    assert scores.abs().max() <= w["v_a"].abs().sum() + 1e-12
    assert scores.abs().max() > 0.5 * w["v_a"].abs().sum()


@pytest.mark.parametrize("hidden", [1, 8, 13])
def test_concat_matches_torchs_linear_of_joined_pairs(
    qkv: Callable, agree: Callable, hidden: int
) -> None:
    q, k, v = qkv(t=5)
    w = drawn("concat", q, k, v, hidden=hidden)
    left, right = torch.broadcast_tensors(q[:, :, :, None], k[:, :, None])
    joined = functional.linear(
        torch.cat((left, right), dim=-1), torch.cat((w["W_left"], w["W_right"]), dim=-1)
    )
    scores = functional.linear(joined.tanh(), w["v_a"][None])[..., 0]
    ours = attnviz.attend("concat", q, k, v, hidden=hidden, **w)
    agree("concat", ours["scores"].value, scores)
    agree("concat", ours["pattern"].value, scores.softmax(-1))


def test_concat_with_units_that_count_alike_matches_keras(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    q, k, v = qkv(t=5)
    w = drawn("concat", q, k, v) | {"v_a": torch.full((8,), 0.3, dtype=q.dtype)}
    theirs = package("keras").layers.Attention(score_mode="concat", dtype="float64")
    queries = heads(functional.linear(q, w["W_left"]))
    keys, values = heads(functional.linear(k, w["W_right"])), heads(v)
    theirs.build([queries.shape, values.shape, keys.shape])
    theirs.set_weights([torch.tensor(0.3, dtype=q.dtype)])
    _, pattern = theirs([queries, values, keys], return_attention_scores=True)
    ours = attnviz.attend("concat", q, k, v, **w)
    agree("concat", ours["pattern"].value, pattern.detach().unflatten(0, (2, 6)))


def test_concat_is_the_additive_score_without_its_bias(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    w = drawn("additive", q, k, v) | {"b": torch.zeros(8, dtype=q.dtype)}
    additive = attnviz.attend("additive", q, k, v, **w)["pattern"].value
    halves = {"W_left": w["W_Q"], "W_right": w["W_K"], "v_a": w["v_a"]}
    concat = attnviz.attend("concat", q, k, v, **halves)["pattern"].value
    torch.testing.assert_close(concat, additive, atol=1e-14, rtol=0)


@pytest.mark.parametrize(("t", "s"), [(9, 9), (5, 9), (9, 5)])
def test_location_matches_torchs_linear(qkv: Callable, agree: Callable, t: int, s: int) -> None:
    q, k, v = qkv(t=t, s=s)
    w = drawn("location", q, k, v)
    scores = functional.linear(q, w["W"])[..., :s]
    agree("location", attnviz.attend("location", q, k, v, **w)["pattern"].value, scores.softmax(-1))


def test_a_location_score_does_not_read_the_keys(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    one, two = (attnviz.attend("location", q, x, v)["pattern"].value for x in (k, k.flip(2) + 3))
    assert torch.equal(one, two)


@pytest.mark.parametrize("width", [1, 3, 4, 11])
def test_location_sensitive_matches_loops_over_the_equations(
    qkv: Callable, agree: Callable, width: int
) -> None:
    q, k, v = qkv(b=1, h=2, g=1, t=4, s=5, k=3)
    sizes = {"filters": 2, "width": width, "hidden": 4}
    w = drawn("location_sensitive", q, k, v, **sizes)
    mask = torch.ones(2, 4, 5, dtype=torch.bool).tril(1)
    mask[1, :, 2] = False
    expected = torch.stack([_rows(q[0, h], k[0, 0], w, mask[h], width) for h in range(2)])
    ours = attnviz.attend("location_sensitive", q, k, v, mask, **sizes, **w)
    agree("location_sensitive", ours["pattern"].value, expected)


def _rows(q: Tensor, k: Tensor, w: dict[str, Tensor], mask: Tensor, width: int) -> Tensor:
    """The weights of one head, cell after cell."""
    n, half = len(k), width // 2
    rows = torch.zeros(len(q), n, dtype=q.dtype)
    for t in range(len(q)):
        last = rows[t - 1] if t else torch.zeros(n, dtype=q.dtype)
        total = rows[:t].sum(0)
        exps = []
        for s in range(n):
            inside = [j for j in range(width) if 0 <= s + j - half < n]
            seen = [
                sum(float(a[j] * last[s + j - half] + c[j] * total[s + j - half]) for j in inside)
                for a, c in zip(w["F_last"], w["F_sum"], strict=True)
            ]
            score = 0.0
            for a in range(len(w["v_a"])):
                unit = float(w["W_Q"][a] @ q[t] + w["W_K"][a] @ k[s] + w["b"][a])
                unit += sum(float(x) * y for x, y in zip(w["U"][a], seen, strict=True))
                score += float(w["v_a"][a]) * math.tanh(unit)
            exps.append(math.exp(score) if mask[t, s] else 0.0)
        rows[t] = torch.tensor(exps, dtype=q.dtype) / math.fsum(exps)
    return rows


def test_location_sensitive_without_filters_is_additive(qkv: Callable) -> None:
    q, k, v = qkv(t=5, g=2)
    w = drawn("location_sensitive", q, k, v)
    w |= {n: torch.zeros_like(w[n]) for n in ("F_last", "F_sum")}
    found = attnviz.attend("location_sensitive", q, k, v, **w)["pattern"].value
    maps = {n: w[n] for n in ("W_Q", "W_K", "b", "v_a")}
    expected = attnviz.attend("additive", q, k, v, **maps)["pattern"].value
    torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)


def test_the_sum_so_far_counts_the_row_before(qkv: Callable) -> None:
    trace = attnviz.attend("location_sensitive", *qkv(t=4))
    pattern, so_far = trace["pattern"].value, trace["so_far"].value
    torch.testing.assert_close(so_far[:, :, 2], pattern[:, :, 0] + pattern[:, :, 1])
    assert (so_far[:, :, 0] == 0).all()


@pytest.mark.parametrize("tau", [0.01, 0.1, 1.0, 20.0])
def test_cosine_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], tau: float
) -> None:
    q, k, v = qkv(t=5)
    l2norm = package("x_transformers.x_transformers").l2norm
    theirs = package("x_transformers.attend").Attend(scale=1 / tau, qk_norm=True)
    expected, about = theirs(l2norm(q), l2norm(k), v)
    ours = attnviz.attend("cosine", q, k, v, tau=tau)
    agree("cosine", ours["z"].value, expected)
    agree("cosine", ours["pattern"].value, about.post_softmax_attn)


def test_a_cosine_knows_no_lengths_and_is_bounded(qkv: Callable) -> None:
    q, k, v = qkv()
    lengths = torch.rand(2, 6, 9, 1, dtype=q.dtype) * 50 + 0.01
    one, two = attnviz.attend("cosine", q, k, v), attnviz.attend("cosine", q * lengths, k * 3, v)
    torch.testing.assert_close(one["pattern"].value, two["pattern"].value, atol=1e-12, rtol=0)
    assert two["scores"].value.abs().max() <= 10 + 1e-12


def test_qk_rmsnorm_matches_torchs_rms_norm(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(t=5, g=2)
    w = drawn("qk_rmsnorm", q, k, v)
    queries, keys = (
        functional.rms_norm(x, (8,), gain, eps=1e-6)
        for x, gain in ((q, w["gain_q"]), (k, w["gain_k"]))
    )
    expected = functional.scaled_dot_product_attention(queries, keys, v, enable_gqa=True)
    agree("qk_rmsnorm", attnviz.attend("qk_rmsnorm", q, k, v, **w)["z"].value, expected)


def test_qk_rmsnorm_with_a_large_epsilon_is_qwen3s(
    qkv: Callable, package: Callable[[str], Any]
) -> None:
    q, k, v = qkv(t=5)
    norm = package("transformers.models.qwen3.modeling_qwen3").Qwen3RMSNorm(8, eps=0.5)
    with torch.no_grad():
        expected = functional.scaled_dot_product_attention(norm(q), norm(k), v)
    ours = attnviz.attend("qk_rmsnorm", q, k, v, eps=0.5)["z"].value
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)  # theirs is in float32


def test_a_score_of_normalised_queries_and_keys_is_bounded(qkv: Callable) -> None:
    q, _, v = qkv()
    scores = attnviz.attend("qk_rmsnorm", 1000 * q, 1000 * q, v)["scores"].value
    assert scores.abs().max() <= math.sqrt(8) + 1e-12
    assert scores.max() > math.sqrt(8) - 1e-6


@pytest.mark.parametrize("gamma", [0.01, 8**-0.5, 0.5, 10.0])
def test_gaussian_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], gamma: float
) -> None:
    q, k, v = qkv(t=5)
    attend = package("x_transformers.attend").Attend
    expected, about = attend(l2_distance=True, scale=gamma, qk_norm=True)(q, k, v)
    ours = attnviz.attend("gaussian", q, k, v, gamma=gamma)
    agree("gaussian", ours["z"].value, expected)
    agree("gaussian", ours["pattern"].value, about.post_softmax_attn)


def test_gaussian_of_keys_of_one_length_is_the_dot_product(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    k = 2 * functional.normalize(k, dim=-1)
    ours = attnviz.attend("gaussian", q, k, v, gamma=0.5)["pattern"].value
    dot = attnviz.attend("dot", q, k, v)["pattern"].value
    torch.testing.assert_close(ours, dot, atol=1e-13, rtol=0)


def test_a_gaussian_score_moves_with_query_and_key_and_is_never_positive(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    one, two = (attnviz.attend("gaussian", q + x, k + x, v)["scores"].value for x in (0.0, 5.0))
    torch.testing.assert_close(one, two, atol=1e-12, rtol=0)
    assert (one <= 0).all()


@pytest.mark.parametrize(
    "name", ["additive", "concat", "location", "location_sensitive", "qk_rmsnorm"]
)
def test_every_member_of_a_batch_may_have_weights_of_its_own(qkv: Callable, name: str) -> None:
    q, k, v = qkv(t=5, g=2)
    each = [{n: x * (i + 1) for n, x in drawn(name, q, k, v).items()} for i in range(2)]
    both = {n: torch.stack((each[0][n], each[1][n])) for n in each[0]}
    together = attnviz.attend(name, q, k, v, **both)["z"].value
    for i, w in enumerate(each):
        alone = attnviz.attend(name, *(x[i : i + 1] for x in (q, k, v)), **w)["z"].value
        torch.testing.assert_close(together[i], alone, atol=1e-13, rtol=0)
