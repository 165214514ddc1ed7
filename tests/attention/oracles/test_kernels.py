"""Linear, recurrent and low-rank attention against published packages and exact definitions."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import attnviz
from attnviz.attention.core import STANDARD
from attnviz.attention.core import attend as path
from attnviz.attention.kernels.performer import orthogonal
from attnviz.attention.parameter import Inputs
from attnviz.attention.parts import over
from attnviz.error import InputError

RECURRENT = ("retention", "gla", "ssd", "deltanet", "gated_deltanet", "rwkv", "average")


def test_linear_matches_performer_pytorch(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    q, k, v = qkv(t=5, e=3)
    expected = package("performer_pytorch").performer_pytorch.linear_attention(
        functional.elu(q) + 1, functional.elu(k) + 1, v
    )
    agree("linear", attnviz.attend("linear", q, k, v)["z"].value, expected)


def test_linear_under_a_causal_mask_matches_fla(
    qkv: Callable, agree: Callable, fla: Callable[[str], Any]
) -> None:
    q, k, v = qkv()
    mask = torch.ones(9, 9, dtype=torch.bool).tril()
    recurrent = fla("ops/linear_attn/naive.py").naive_recurrent_linear_attn
    features = (x.transpose(1, 2) for x in (functional.elu(q) + 1, functional.elu(k) + 1, v))
    expected, _ = recurrent(*features, scale=1.0, normalize=True)
    found = attnviz.attend("linear", q, k, v, mask)["z"].value
    torch.testing.assert_close(found, expected.transpose(1, 2).to(found), atol=1e-6, rtol=0)


def causal(n: int) -> Tensor:
    return torch.ones(n, n, dtype=torch.bool).tril()


def turned(*xs: Tensor) -> list[Tensor]:
    """B H T K as B T H K."""
    return [x.transpose(1, 2) for x in xs]


def picked(first: int, width: int, total: int) -> nn.Linear:
    """A map that takes `width` numbers from the place `first` on."""
    found = nn.Linear(total, width, bias=False).double()
    found.weight.data = torch.eye(total, dtype=torch.float64)[first : first + width]
    return found


@torch.no_grad()
def test_efficient_matches_linear_attention_transformer(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    theirs = package("linear_attention_transformer.linear_attention_transformer").linear_attn
    q, k, v = qkv()
    # The package also multiplies by 1 / sqrt(d).
    found = attnviz.attend("efficient", q, k, v)["z"].value
    agree("efficient", found, theirs(q, k, v) * math.sqrt(8))
    keys = (torch.arange(9) % 4 != 1).expand(2, 9)
    found = attnviz.attend("efficient", q, k, v, keys[:, None, None])["z"].value
    agree("efficient", found, theirs(q, k.clone(), v.clone(), keys) * math.sqrt(8))


@pytest.mark.parametrize("features", [5, 8, 21])
def test_performer_matches_performer_pytorch(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], features: int
) -> None:
    performer = package("performer_pytorch").performer_pytorch
    q, k, v = qkv(t=5, e=3)
    omega = performer.gaussian_orthogonal_random_matrix(features, 8).double()
    phi_q = performer.softmax_kernel(q, projection_matrix=omega, is_query=True, eps=0)
    phi_k = performer.softmax_kernel(k, projection_matrix=omega, is_query=False, eps=0)
    found = attnviz.attend("performer", q, k, v, features=features, omega=omega)
    agree("performer", found["z"].value, performer.linear_attention(phi_q, phi_k, v))


def test_performer_under_a_causal_mask_matches_performer_pytorch(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    performer = package("performer_pytorch").performer_pytorch
    q, k, v = qkv(seed=1)
    omega = performer.gaussian_orthogonal_random_matrix(16, 8).double()
    phi_q = performer.softmax_kernel(q, projection_matrix=omega, is_query=True, eps=0)
    phi_k = performer.softmax_kernel(k, projection_matrix=omega, is_query=False, eps=0)
    expected = performer.causal_linear_attention_noncuda(phi_q, phi_k, v, chunk_size=3, eps=0)
    found = attnviz.attend("performer", q, k, v, causal(9), features=16, omega=omega)["z"].value
    agree("performer", found, expected)


def test_performers_weights_come_near_softmax_with_many_features(qkv: Callable) -> None:
    q, k, v = qkv()
    q, k = q / 2, k / 2
    expected = attnviz.attend("softmax", q, k, v)["pattern"].value

    def miss(features: int) -> float:
        found = attnviz.attend("performer", q, k, v, features=features)["pattern"].value
        return float((found - expected).abs().max())

    assert miss(16384) < 0.03 < miss(16)


def test_performers_directions_are_orthogonal_and_favour_none() -> None:
    omega = orthogonal((4000, 4), torch.Generator().manual_seed(0))
    block = functional.normalize(omega[:4])
    torch.testing.assert_close(block @ block.mT, torch.eye(4, dtype=torch.float64))
    assert omega.mean(0).abs().max() < 0.05  # a plain QR decomposition gives -0.2
    assert omega[::4].mean(0).abs().max() < 0.1
    assert omega.square().mean(0).sub(1).abs().max() < 0.1


@pytest.mark.parametrize("length", [9, 20])
@pytest.mark.parametrize("mask", [None, causal(9)], ids=["all", "causal"])
def test_cosformer_matches_nested_loops(
    qkv: Callable, agree: Callable, length: int, mask: Tensor | None
) -> None:
    q, k, v = qkv(b=1, h=2, g=2)
    expected = torch.zeros(2, 9, 9, dtype=torch.float64)
    for h in range(2):
        for t in range(9):
            for s in range(9 if mask is None else t + 1):
                match = float(q[0, h, t].clamp(min=0) @ k[0, h, s].clamp(min=0))
                expected[h, t, s] = match * math.cos(math.pi * (t - s) / (2 * length))
    expected = expected / expected.sum(-1, keepdim=True).clamp_min(1e-300)
    trace = attnviz.attend("cosformer", q, k, v, mask, length=length)
    agree("cosformer", trace["pattern"].value, expected)
    agree("cosformer", trace["z"].value, expected @ v[0])


def test_cosformer_takes_the_length_of_a_text_that_is_longer(qkv: Callable) -> None:
    q, k, v = qkv()
    found = attnviz.attend("cosformer", q, k, v, length=3)["pattern"].value
    expected = attnviz.attend("cosformer", q, k, v, length=9)["pattern"].value
    assert torch.equal(found, expected)
    assert (found >= 0).all()


def test_cosformers_matrix_has_no_more_rank_than_features(qkv: Callable) -> None:
    pattern = attnviz.attend("cosformer", *qkv(b=1, k=2, t=9))["pattern"].value
    assert int(torch.linalg.matrix_rank(pattern).max()) <= 4


@torch.no_grad()
@pytest.mark.parametrize("rank", [1, 3])
def test_linformer_matches_linformer(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], rank: int
) -> None:
    q, k, v = qkv()
    theirs = package("linformer").LinformerSelfAttention(144, 9, k=rank, heads=6, dim_head=8)
    theirs.to_q, theirs.to_k, theirs.to_v = (picked(48 * i, 48, 144) for i in range(3))
    theirs.to_out = nn.Identity()
    theirs = theirs.double()
    x = torch.cat([x.transpose(1, 2).flatten(2) for x in (q, k, v)], dim=-1)
    expected = theirs(x).unflatten(-1, (6, 8)).transpose(1, 2)
    mixes = {"E": theirs.proj_k.mT.detach(), "F": theirs.proj_v.mT.detach()}
    agree(
        "linformer", attnviz.attend("linformer", q, k, v, rank=rank, **mixes)["z"].value, expected
    )


def test_linformer_with_the_identity_is_softmax(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    one = torch.eye(9, dtype=torch.float64)
    found = attnviz.attend("linformer", q, k, v, rank=9, E=one, F=one)["pattern"].value
    expected = attnviz.attend("softmax", q, k, v)["pattern"].value
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_linformer_uses_the_first_columns_for_a_shorter_text(qkv: Callable) -> None:
    q, k, v = qkv()
    make = torch.Generator().manual_seed(0)
    E, F = (torch.randn(3, 12, dtype=torch.float64, generator=make) for _ in "EF")
    sizes = Inputs.of(q, k, v)
    longer = Inputs({**sizes.sizes, "C": 12}, torch.float64)
    parts = attnviz.variants()["linformer"].build(longer, rank=3, E=E, F=F)
    found = path(q, k, v, None, over(STANDARD, parts))
    cut = {"E": E[:, :9].contiguous(), "F": F[:, :9].contiguous()}
    expected = attnviz.attend("linformer", q, k, v, rank=3, **cut)["z"].value
    torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("landmarks", "rounds"), [(3, 6), (9, 2), (1, 0)])
def test_nystrom_matches_nystrom_attention(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], landmarks: int, rounds: int
) -> None:
    q, k, v = qkv(h=3, g=3)
    sizes = {"dim_head": 8, "heads": 1, "num_landmarks": landmarks, "pinv_iterations": rounds}
    theirs = package("nystrom_attention").NystromAttention(24, residual=False, **sizes).double()
    theirs.to_qkv, theirs.to_out = nn.Identity(), nn.Identity()
    trace = attnviz.attend("nystrom", q, k, v, landmarks=landmarks, rounds=rounds)
    for b in range(2):  # one at a time: the package starts the inverse from the whole batch
        for h in range(3):
            x = torch.cat((q[b, h], k[b, h], v[b, h]), dim=-1)[None]
            out, pattern = theirs(x, return_attn=True)
            agree("nystrom", trace["z"].value[b, h], out[0])
            agree("nystrom", trace["pattern"].value[b, h], pattern[0, 0])


def test_nystrom_with_segments_of_unequal_length_is_the_pseudo_inverse_of_their_means(
    qkv: Callable,
) -> None:
    q, k, v = qkv(b=1, h=1, g=1, t=7, s=8)
    seen = torch.arange(8) != 4
    trace = attnviz.attend("nystrom", q, k, v, seen.expand(7, 8), landmarks=3, rounds=60)
    of_q = torch.stack([q[0, 0, a:b].mean(0) for a, b in ((0, 3), (3, 5), (5, 7))])
    of_k = torch.stack([k[0, 0, list(s)].mean(0) for s in ((0, 1, 2), (3, 5), (6, 7))])
    scale = 8**-0.5
    ours, core = (x @ of_k.mT * scale for x in (q[0, 0], of_q))
    back = (of_q @ k[0, 0].mT * scale).masked_fill(~seen, -math.inf).softmax(-1)
    expected = ours.softmax(-1) @ torch.linalg.pinv(core.softmax(-1)) @ back
    torch.testing.assert_close(trace["pattern"].value[0], expected, atol=1e-9, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(("t", "chunk", "directions"), [(12, 4, 1), (12, 3, 2), (16, 4, 4)])
def test_reformer_matches_transformers(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    t: int,
    chunk: int,
    directions: int,
) -> None:
    q, k, v = qkv(t=t, s=t)
    config = package("transformers").ReformerConfig(
        hidden_size=96,
        attention_head_size=8,
        num_attention_heads=6,
        lsh_attn_chunk_length=chunk,
        num_buckets=2 * directions,
        num_hashes=1,
        hash_seed=3,
        is_decoder=False,
        lsh_attention_probs_dropout_prob=0.0,
    )
    module = package("transformers.models.reformer.modeling_reformer").LSHSelfAttention(config)
    module.query_key, module.value = picked(0, 48, 96), picked(48, 48, 96)
    module._len_norm = partial(module._len_norm, epsilon=0.0)  # it adds 1e-6 to a mean square
    x = torch.cat([x.transpose(1, 2).flatten(2) for x in (q, v)], dim=-1)
    expected = module(x).hidden_states.unflatten(-1, (6, 8)).transpose(1, 2)
    torch.manual_seed(3)
    rotations = torch.randn(6, 8, 1, directions, dtype=torch.float64)
    found = attnviz.attend(
        "reformer", q, k, v, rotations=rotations, chunk=chunk, directions=directions
    )
    agree("reformer", found["z"].value, expected)


@pytest.mark.parametrize(("chunk", "rounds"), [(2, 3), (4, 2), (3, 4)])
def test_reformer_with_many_rounds_is_softmax_over_all_that_met(
    qkv: Callable, chunk: int, rounds: int
) -> None:
    q, k, v = qkv(b=1, h=2, g=2, t=11, s=11)
    trace = attnviz.attend("reformer", q, k, v, chunk=chunk, rounds=rounds)
    buckets, n_chunks = trace["buckets"].value, -(-11 // chunk)
    expected = torch.zeros(2, 11, 11, dtype=torch.float64)
    for h in range(2):
        for t in range(11):
            met: set[int] = set()
            for n in range(rounds):
                order = sorted(range(11), key=lambda i: (int(buckets[h, n, i]), i))
                mine = order.index(t) // chunk
                near = {mine, (mine - 1) % n_chunks}
                met |= {s for s in range(11) if order.index(s) // chunk in near}
            met = met - {t} or {t}
            weight = {s: math.exp(q[0, h, t] @ q[0, h, s] / q[0, h, s].norm()) for s in met}
            for s in met:
                expected[h, t, s] = weight[s] / sum(weight.values())
    torch.testing.assert_close(trace["pattern"].value, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(trace["z"].value, expected @ v[0], atol=1e-12, rtol=0)


def test_reformer_looks_at_itself_only_where_it_is_alone(qkv: Callable) -> None:
    q, k, v = qkv(t=9, s=9)
    every = attnviz.attend("reformer", q, k, v, chunk=9)["pattern"].value
    assert (every.diagonal(dim1=-2, dim2=-1) == 0).all()
    assert ((every > 0).sum(-1) == 8).all()
    one = attnviz.attend("reformer", q[:, :, :1], k[:, :, :1], v[:, :, :1])["pattern"].value
    assert (one == 1).all()


def test_reformer_sorts_hidden_tokens_last(qkv: Callable) -> None:
    q, k, v = qkv(t=12, s=12)
    seen = torch.arange(12) % 3 != 1
    place = attnviz.attend("reformer", q, k, v, seen.expand(12, 12))["place"].value
    assert (place[..., ~seen] >= 8).all()


def test_retention_matches_fla(qkv: Callable, agree: Callable, fla: Callable[[str], Any]) -> None:
    q, k, v = qkv(e=5)
    expected = fla("ops/retention/naive.py").naive_retention(q, k, v)
    agree("retention", attnviz.attend("retention", q, k, v)["z"].value, expected)


@pytest.mark.parametrize("rate", [0.0, 0.5, 8.0])
def test_retention_at_any_rate_is_simple_gla_with_a_constant_gate(
    qkv: Callable, fla: Callable[[str], Any], rate: float
) -> None:
    q, k, v = qkv()
    gamma = torch.tensor([0.3, 0.5, 0.7, 0.8, 0.9, 1.0], dtype=torch.float64)
    gates = (rate * gamma.log()).expand(2, 9, 6)
    _, expected = fla("ops/simple_gla/naive.py").naive_parallel_simple_gla(*turned(q, k, v), gates)
    found = attnviz.attend("retention", q, k, v, rate=rate, gamma=gamma)["pattern"].value
    torch.testing.assert_close(found, expected.double(), atol=3e-6, rtol=0)


def test_gla_matches_fla(qkv: Callable, agree: Callable, fla: Callable[[str], Any]) -> None:
    q, k, v = qkv(e=5)
    forget = torch.rand(2, 6, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    theirs = fla("ops/gla/naive.py").naive_recurrent_gla
    expected, _ = theirs(*turned(q, k, v, forget.log()))
    found = attnviz.attend("gla", q, k, v, forget=forget)["z"].value
    agree("gla", found, expected.transpose(1, 2))


def test_gla_makes_its_gates_of_the_keys(qkv: Callable) -> None:
    q, k, v = qkv(b=1, h=2, g=1)
    w = torch.randn(2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    gates = torch.sigmoid(torch.stack([k[0, 0] @ w[h].mT for h in range(2)])) ** (1 / 4)
    found = attnviz.attend("gla", q, k, v, tau=4.0, w_forget=w)["pattern"].value
    expected = attnviz.attend("gla", q, k, v, forget=gates)["pattern"].value
    torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)


def test_a_gate_of_zero_wipes_the_state(qkv: Callable) -> None:
    q, k, v = qkv()
    forget = torch.ones(6, 9, 8, dtype=torch.float64)
    forget[:, 4] = 0
    trace = attnviz.attend("gla", q, k, v, forget=forget)
    assert (trace["pattern"].value[..., 4:, :4] == 0).all()
    assert trace["pattern"].value.isfinite().all()


def test_ssd_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    mamba = package("transformers.models.mamba2.modeling_mamba2")
    q, k, v = qkv(e=5)
    make = torch.Generator().manual_seed(1)
    dt, A = (torch.rand(*n, dtype=torch.float64, generator=make) for n in ((2, 6, 9), (6,)))
    decay = mamba.segment_sum(-A[:, None] * dt).exp()
    expected = (q @ k.mT * decay) @ (dt[..., None] * v)
    trace = attnviz.attend("ssd", q, k, v, A=A, dt=dt)
    agree("ssd", trace["decay"].value, decay)
    agree("ssd", trace["z"].value, expected)


def test_ssd_is_flas_simple_gla_on_values_times_the_step_size(
    qkv: Callable, fla: Callable[[str], Any]
) -> None:
    q, k, v = qkv(e=5)
    trace = attnviz.attend("ssd", q, k, v, rate=2.0, seed=5)
    gates, dt = trace["forget"].value.log(), trace["dt"].value
    theirs = fla("ops/simple_gla/naive.py").naive_recurrent_simple_gla
    expected, _ = theirs(*turned(q, k, dt[..., None] * v, gates), scale=1.0)
    torch.testing.assert_close(
        trace["z"].value, expected.transpose(1, 2).double(), atol=2e-5, rtol=0
    )


def test_deltanet_matches_fla(qkv: Callable, agree: Callable, fla: Callable[[str], Any]) -> None:
    q, k, v = qkv(e=5)
    beta = torch.rand(2, 6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2
    # The package divides by sqrt(d) and takes vectors of length 1 as given.
    unit_q, unit_k = functional.normalize(q, dim=-1) * math.sqrt(8), functional.normalize(k, dim=-1)
    expected, _ = fla("ops/delta_rule/naive.py").delta_rule_recurrence(unit_q, unit_k, v, beta)
    agree("deltanet", attnviz.attend("deltanet", q, k, v, beta=beta)["z"].value, expected)


def test_deltanets_matrix_is_the_one_that_fla_builds_by_chunks(
    qkv: Callable, fla: Callable[[str], Any]
) -> None:
    q, k, v = (x.float() for x in qkv(t=8, s=8))
    beta = torch.rand(2, 6, 8, generator=torch.Generator().manual_seed(1))
    unit_q, unit_k = functional.normalize(q, dim=-1) * math.sqrt(8), functional.normalize(k, dim=-1)
    theirs = fla("ops/delta_rule/naive.py").delta_rule_parallel
    _, expected = theirs(unit_q, unit_k, v, beta, BM=8, BN=4)
    found = attnviz.attend("deltanet", q, k, v, beta=beta)["pattern"].value
    # The package's matrix acts on beta times the values.
    torch.testing.assert_close(found, expected * beta[..., None, :], atol=1e-6, rtol=0)


def test_deltanet_replaces_the_value_of_a_key_that_comes_again(qkv: Callable) -> None:
    q, k, v = qkv(b=1, h=1, g=1)
    k[:, :, 5] = 3 * k[:, :, 2]
    q[:, :, 8] = k[:, :, 2]
    k[:, :, 6:] = 0
    ones = torch.ones(1, 9, dtype=torch.float64)
    trace = attnviz.attend("deltanet", q, k, v, beta=ones)
    expected = torch.zeros(9, dtype=torch.float64)
    expected[5] = 1
    torch.testing.assert_close(trace["pattern"].value[0, 8], expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(trace["z"].value[0, 8], v[0, 0, 5], atol=1e-12, rtol=0)


def test_deltanet_on_orthonormal_keys_adds_like_linear_attention(qkv: Callable) -> None:
    q, _, v = qkv(b=1, h=1, g=1, t=8, s=8)
    k = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64)).Q[None, None]
    ones = torch.ones(1, 8, dtype=torch.float64)
    found = attnviz.attend("deltanet", q, k, v, beta=ones)["pattern"].value
    expected = (functional.normalize(q, dim=-1) @ k.mT).tril()[0]
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_deltanet_that_writes_nothing_gives_nothing(qkv: Callable) -> None:
    trace = attnviz.attend("deltanet", *qkv(), factor=0.0)
    assert (trace["pattern"].value == 0).all()
    assert (trace["z"].value == 0).all()


def test_gated_deltanet_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    qwen = package("transformers.models.qwen3_next.modeling_qwen3_next")
    q, k, v = qkv(e=5)
    make = torch.Generator().manual_seed(1)
    shapes = ((2, 6, 9), (2, 6, 9), (6,))
    beta, dt, A = (torch.rand(*n, dtype=torch.float64, generator=make) for n in shapes)
    inputs = turned(q, k, v, -A[:, None] * dt, beta)
    expected, _ = qwen.torch_recurrent_gated_delta_rule(*inputs, use_qk_l2norm_in_kernel=True)
    found = attnviz.attend("gated_deltanet", q, k, v, beta=beta, dt=dt, A=A)["z"].value
    # The package divides by sqrt(d).
    agree("gated_deltanet", found, expected.transpose(1, 2) * math.sqrt(8))


def test_based_matches_fla(qkv: Callable, agree: Callable, fla: Callable[[str], Any]) -> None:
    q, k, v = qkv(e=5)
    # Without its own division, which adds a small number to the sum.
    theirs = fla("ops/based/naive.py").naive_parallel_based
    total = theirs(q, k, torch.ones_like(v[..., :1]), use_norm=False)
    expected = theirs(q, k, v, use_norm=False) / total
    agree("based", attnviz.attend("based", q, k, v, causal(9))["z"].value, expected)


def test_baseds_weights_are_softmaxs_for_small_scores(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    found = attnviz.attend("based", q / 10, k, v)["pattern"].value
    expected = attnviz.attend("softmax", q / 10, k, v)["pattern"].value
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("mask", [None, causal(9)], ids=["all", "causal"])
def test_aft_matches_aft_pytorch(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], mask: Tensor | None
) -> None:
    q, k, v = qkv()
    module = package("aft_pytorch.aft_pytorch").AFTFull(12, 24, hidden_dim=8).double()
    w = torch.randn(12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    w = w[:9, :9].contiguous()
    module.to_q, module.to_k, module.to_v = (picked(8 * i, 8, 24) for i in range(3))
    module.project = nn.Identity()
    module.wbias.data[:9, :9] = w if mask is None else w.masked_fill(~mask, -math.inf)
    expected = module(torch.cat((q, k, v), dim=-1).flatten(0, 1)).unflatten(0, (2, 6))
    agree("aft", attnviz.attend("aft", q, k, v, mask, w=w)["z"].value, expected)


def test_aft_without_its_table_gives_all_queries_the_same_mixture(qkv: Callable) -> None:
    mixed = attnviz.attend("aft", *qkv(t=5), strength=0.0)["mixed"].value
    torch.testing.assert_close(mixed, mixed[:, :, :1].expand_as(mixed), atol=1e-14, rtol=0)


def test_rwkv_matches_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any]
) -> None:
    rwkv = package("transformers.models.rwkv.modeling_rwkv")
    q, k, v = qkv()
    make = torch.Generator().manual_seed(1)
    decay, first = (torch.randn(6, 8, dtype=torch.float64, generator=make) for _ in range(2))
    channels = (decay.flatten(), first.flatten())
    inputs = (x.transpose(1, 2).flatten(2) for x in (k, v))
    expected, _ = rwkv.rwkv_linear_attention_cpu(*channels, *inputs)
    expected = expected.unflatten(-1, (6, 8)).transpose(1, 2)
    trace = attnviz.attend("rwkv", q, k, v, decay=decay, first=first)
    agree("rwkv", trace["mixed"].value, expected)
    agree("rwkv", trace["z"].value, torch.sigmoid(q) * expected)


def test_rwkv_does_not_overflow_where_keys_are_large(qkv: Callable) -> None:
    q, k, v = qkv()
    trace = attnviz.attend("rwkv", q, k * 1000, v)
    assert trace["z"].value.isfinite().all()
    mixed = (trace["channels"].value * v[:, :, None]).sum(3)
    torch.testing.assert_close(mixed, trace["mixed"].value, atol=1e-12, rtol=0)


def test_average_matches_torch(qkv: Callable, agree: Callable) -> None:
    q, k, v = qkv(e=5)
    expected = v.cumsum(2) / torch.arange(1, 10, dtype=torch.float64)[:, None]
    agree("average", attnviz.attend("average", q, k, v)["z"].value, expected)


def test_average_is_what_causal_softmax_becomes_at_high_temperature(qkv: Callable) -> None:
    q, k, v = qkv(t=5)
    expected = attnviz.attend("average", q, k, v)["pattern"].value

    def miss(tau: float) -> float:
        found = attnviz.attend("causal+temperature", q, k, v, tau=tau)["pattern"].value
        return float((found - expected).abs().max())

    assert miss(100.0) < 0.01 < miss(10.0) < miss(1.0)


@pytest.mark.parametrize("name", ["gla", "ssd", "deltanet", "gated_deltanet", "average"])
@pytest.mark.parametrize("place", [0, 4])
def test_the_state_is_as_if_a_hidden_token_had_never_been_read(
    qkv: Callable, name: str, place: int
) -> None:
    q, k, v = qkv(t=1)
    seen = torch.arange(9) != place
    found = attnviz.attend(name, q, k, v, seen[None])["z"].value
    expected = attnviz.attend(name, q, k[:, :, seen], v[:, :, seen])["z"].value
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["retention", "rwkv"])
def test_a_hidden_token_still_takes_its_time(qkv: Callable, name: str) -> None:
    q, k, v = qkv(t=1)
    found = attnviz.attend(name, q, k, v, (torch.arange(9) != 4)[None])["z"].value
    other = attnviz.attend(name, q, *(torch.cat((x[:, :, :4], x[:, :, 5:]), 2) for x in (k, v)))
    assert (found - other["z"].value).abs().max() > 1e-3


@pytest.mark.parametrize("name", RECURRENT)
def test_the_last_query_alone_reads_what_it_reads_among_all(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    found = attnviz.attend(name, q[:, :, -1:], k, v)
    expected = attnviz.attend(name, q, k, v)
    for step in ("pattern", "z"):
        last = expected[step].value[:, :, -1:]
        torch.testing.assert_close(found[step].value, last, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", RECURRENT)
def test_queries_before_the_first_key_read_nothing(qkv: Callable, name: str) -> None:
    trace = attnviz.attend(name, *qkv(t=9, s=6))
    assert (trace["pattern"].value[:, :, :3] == 0).all()
    assert (trace["z"].value[:, :, :3] == 0).all()


@pytest.mark.parametrize("name", ["linear", *RECURRENT])
def test_heads_that_share_keys_and_values_read_the_same_ones(qkv: Callable, name: str) -> None:
    q, k, v = qkv(h=6, g=2)
    found = attnviz.attend(name, q, k, v)["z"].value
    expected = attnviz.attend(name, q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1))
    torch.testing.assert_close(found, expected["z"].value, atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ["aft", "rwkv"])
def test_a_query_cannot_gate_values_of_another_width(qkv: Callable, name: str) -> None:
    with pytest.raises(InputError, match="they need one width"):
        attnviz.attend(name, *qkv(e=5))


@pytest.mark.parametrize("name", ["efficient", "linformer", "nystrom", "reformer"])
def test_what_works_on_all_tokens_at_once_refuses_a_causal_variant_beside_it(
    qkv: Callable, name: str
) -> None:
    with pytest.raises(InputError, match=f"{name} works on all tokens at once"):
        attnviz.attend(f"causal+{name}", *qkv())
