"""Normalizers against published packages and exact definitions."""

import math
import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import attnviz
from attnviz.attention.core import STANDARD
from attnviz.attention.core import attend as path
from attnviz.attention.parameter import Inputs
from attnviz.attention.parts import over

CAUSAL = torch.ones(9, 9, dtype=torch.bool).tril()
HOLES = torch.arange(9) % 4 != 2
MASKS = pytest.mark.parametrize("mask", [None, CAUSAL, CAUSAL & HOLES], ids=["all", "past", "few"])


def pattern(
    name: str, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **parameters: Any
) -> Tensor:
    return attnviz.attend(name, q, k, v, mask, **parameters)["pattern"].value


def attended(
    package: Callable[[str], Any], q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, **how: Any
) -> Tensor:
    """The weights of x-transformers' Attend; `qk_norm` does no more than keep its softmax in
    float64."""
    bias = how.pop("bias", None)
    module = package("x_transformers.attend").Attend(qk_norm=True, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, kept = module(q, k, v, mask=None if mask is None else mask[None, None], attn_bias=bias)
    return kept.post_softmax_attn


def test_softmax_matches_torchs(qkv: Callable, agree: Callable) -> None:
    ours = attnviz.attend("softmax", *qkv())
    agree("softmax", ours["pattern"].value, ours["scores"].value.softmax(-1))


def test_naive_softmax_matches_torchs(qkv: Callable, agree: Callable) -> None:
    ours = attnviz.attend("naive_softmax", *qkv())
    agree("naive_softmax", ours["pattern"].value, ours["scores"].value.softmax(-1))


def test_late_mask_matches_the_definition(qkv: Callable, agree: Callable) -> None:
    ours = attnviz.attend("late_mask", *qkv())
    agree("late_mask", ours["pattern"].value, ours["scores"].value.softmax(-1).tril())


@pytest.mark.parametrize("tau", [0.05, 0.7, 1.0, 30.0])
def test_temperature_matches_torchs_kernel(qkv: Callable, agree: Callable, tau: float) -> None:
    q, k, v = qkv()
    expected = functional.scaled_dot_product_attention(q, k, v, scale=1 / (tau * 8**0.5))
    agree("temperature", attnviz.attend("temperature", q, k, v, tau=tau)["z"].value, expected)


@pytest.mark.parametrize("alpha", [1.05, 1.25, 1.5, 1.9, 2.0])
def test_entmax_matches_entmax_bisect(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], alpha: float
) -> None:
    q, k, v = qkv()
    ours = attnviz.attend("entmax", q, k, v, alpha=alpha)
    theirs = package("entmax").entmax_bisect(ours["scores"].value, alpha=alpha, n_iter=100)
    agree("entmax", ours["pattern"].value, theirs)


@MASKS
def test_softmax1_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], mask: Tensor | None
) -> None:
    q, k, v = qkv()
    theirs = attended(package, q, k, v, mask, add_zero_kv=True)[..., 1:]
    agree("softmax1", pattern("softmax1", q, k, v, mask), theirs)


@MASKS
def test_rows_of_softmax1_sum_to_the_sigmoid_of_logsumexp(
    qkv: Callable, mask: Tensor | None
) -> None:
    ours = attnviz.attend("softmax1", *qkv(), mask=mask)
    expected = ours["masked"].value.logsumexp(-1).sigmoid()
    torch.testing.assert_close(ours["pattern"].value.sum(-1), expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("size", [1e2, 1e4])
def test_rows_of_softmax1_reach_but_never_pass_one_where_scores_are_large(
    qkv: Callable, size: float
) -> None:
    q, k, v = qkv()
    assert (pattern("softmax1", q * size, k, v).sum(-1) <= 1 + 1e-12).all()


@MASKS
@pytest.mark.parametrize("sink", [-3.0, 0.0, 2.5, None])
def test_sink_logit_matches_gpt_oss(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    mask: Tensor | None,
    sink: float | None,
) -> None:
    q, k, v = qkv(g=2)
    own = torch.linspace(-4, 4, 6).double()
    sinks = own if sink is None else torch.full_like(own, sink)
    module = SimpleNamespace(sinks=sinks, num_key_value_groups=3, training=False)
    add = None if mask is None else torch.zeros(9, 9).double().masked_fill(~mask, -math.inf)
    eager = package("transformers.models.gpt_oss.modeling_gpt_oss").eager_attention_forward
    out, theirs = eager(module, q, k, v, add, 8**-0.5)
    ours = attnviz.attend("sink_logit", q, k, v, mask, sink=own if sink is None else sink)
    agree("sink_logit", ours["pattern"].value, theirs)
    agree("sink_logit", ours["z"].value, out.transpose(1, 2))


@MASKS
def test_sparsemax_matches_entmax(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], mask: Tensor | None
) -> None:
    ours = attnviz.attend("sparsemax", *qkv(), mask=mask)
    agree("sparsemax", ours["pattern"].value, package("entmax").sparsemax(ours["masked"].value))


def test_sparsemax_is_nearer_to_the_scores_than_any_other_point_of_the_simplex(
    qkv: Callable,
) -> None:
    ours = attnviz.attend("sparsemax", *qkv())
    scores, found = ours["scores"].value, ours["pattern"].value
    make = torch.Generator().manual_seed(1)
    for size in (0.1, 1.0, 10.0):
        noise = torch.randn(200, *scores.shape, dtype=torch.float64, generator=make)
        others = (scores + noise * size).softmax(-1)
        for point in (others, (others + 9 * found) / 10):
            nearest = (found - scores).square().sum(-1)
            assert (nearest <= (point - scores).square().sum(-1)).all()


def counts(mask: Tensor | None) -> Tensor:
    return torch.full((9, 1), 9.0).double() if mask is None else mask.sum(-1, keepdim=True).double()


@MASKS
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_sigmoid_matches_x_transformers(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    mask: Tensor | None,
    alpha: float,
) -> None:
    q, k, v = qkv()
    bias = (-alpha * counts(mask).log()).expand(1, 1, 9, 9)
    theirs = attended(package, q, k, v, mask, sigmoid=True, bias=bias)
    agree("sigmoid", pattern("sigmoid", q, k, v, mask, alpha=alpha), theirs)


def test_a_sigmoid_weight_depends_on_no_other_key(qkv: Callable) -> None:
    q, k, v = qkv()
    other = k.clone()
    other[:, :, 4:] *= -3
    assert torch.equal(
        pattern("sigmoid", q, k, v)[..., :4], pattern("sigmoid", q, other, v)[..., :4]
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("past", [False, True])
def test_relu_matches_attn_gym_in_flex_attention(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], past: bool, alpha: float
) -> None:
    q, k, v = qkv(e=5)
    gym = package("attn_gym.mods.activation")
    flex = package("torch.nn.attention.flex_attention")
    mod = gym.generate_activation_score_mod(functional.relu)
    make = flex.create_block_mask
    seen = make(lambda b, h, i, j: j <= i, None, None, 9, 9, device="cpu") if past else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aux = flex.AuxRequest(lse=True)
        out, found = flex.flex_attention(q, k, v, mod, seen, return_aux=aux)
    values = v.cumsum(-2) if past else v.sum(-2, keepdim=True)
    mask = CAUSAL if past else None
    expected = gym.undo_softmax(out, found.lse, values) / counts(mask) ** alpha
    agree("relu", attnviz.attend("relu", q, k, v, mask, alpha=alpha)["z"].value, expected)


class Given(torch.nn.Module):
    """A layer of the gated attention unit that gives what it is told."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found

    def forward(self, _: Tensor) -> Any:
        return self.found


def gau(package: Callable[[str], Any], q: Tensor, k: Tensor, **how: Any) -> Tensor:
    """The weights of the gated attention unit for q and k of one head: its values are the unit
    matrix, its gates are open, its layers before and after do nothing."""
    unit = torch.eye(9).double().expand(len(q), 9, 9)
    bias, mask = how.pop("bias", None), how.pop("mask", None)
    module = package("flash_pytorch").GAU(dim=9, add_residual=False, **how)
    module.norm, module.to_out, module.rel_pos_bias = (torch.nn.Identity(),) * 2 + (None,)
    module.to_hidden = Given(torch.cat([unit, torch.ones_like(unit)], -1))
    module.to_qk, module.offsetscale = torch.nn.Identity(), Given((q[:, 0], k[:, 0]))
    return module(unit, bias, mask)[:, None]


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("past", [False, True])
def test_relu2_matches_the_gated_attention_unit(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], past: bool, biased: bool
) -> None:
    q, k, v = qkv(h=1, g=1)
    mask = CAUSAL if past else None
    places = torch.arange(9)
    bias = -(places[:, None] - places).abs().double() * 2**-8 if biased else None
    theirs = gau(package, q, k, causal=past, bias=bias)
    # it divides by the length of the text, ours by the keys that are seen
    theirs = theirs * (9 / counts(mask)) ** 2
    agree("relu2", pattern("relu2+alibi" if biased else "relu2", q, k, v, mask), theirs)


@pytest.mark.parametrize("name", ["relu", "relu2", "sigmoid", "ssmax", "softpick", "sparsemax"])
def test_a_text_filled_up_with_padding_keeps_its_weights(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    padded = pattern(name, q, k, v, torch.arange(9) < 6)
    alone = pattern(name, q, k[:, :, :6], v[:, :, :6])
    torch.testing.assert_close(padded[..., :6], alone, atol=1e-14, rtol=0)
    assert (padded[..., 6:] == 0).all()


@MASKS
def test_hard_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], mask: Tensor | None
) -> None:
    q, k, v = qkv()
    agree("hard", pattern("hard", q, k, v, mask), attended(package, q, k, v, mask, hard=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_equal_scores_the_first_gets_the_hard_weight(dtype: torch.dtype) -> None:
    q, k = torch.ones(1, 1, 1, 1, dtype=dtype), torch.ones(1, 1, 300, 1, dtype=dtype)
    k[:, :, :7] = 0.5
    found = pattern("hard", q, k, k)
    assert found.flatten().nonzero().tolist() == [[7]]


@MASKS
@pytest.mark.parametrize("draw", ["soft", "hard"])
@pytest.mark.parametrize("tau", [0.1, 0.7, 1.0, 5.0])
def test_gumbel_softmax_matches_torchs(
    qkv: Callable, agree: Callable, mask: Tensor | None, tau: float, draw: str
) -> None:
    q, k, v = qkv()
    masked = attnviz.attend("softmax", q, k, v, mask)["masked"].value
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = functional.gumbel_softmax(masked, tau=tau, hard=draw == "hard")
        torch.manual_seed(3)
        noise = -torch.empty_like(masked).exponential_().log()
    ours = pattern("gumbel_softmax", q, k, v, mask, tau=tau, draw=draw, noise=noise)
    agree("gumbel_softmax", ours, expected)


def test_gumbel_draws_come_as_often_as_softmax_says(qkv: Callable) -> None:
    n = 40_000
    q, k, v = qkv(b=1, h=1, g=1, t=5, s=5)
    make = torch.Generator().manual_seed(11)
    noise = -torch.empty(n, 1, 5, 5, dtype=torch.float64).exponential_(generator=make).log()
    many = [x.expand(n, -1, -1, -1) for x in (q, k, v)]
    drawn = pattern("gumbel_softmax", *many, draw="hard", noise=noise).mean(0)[0]
    p = pattern("softmax", q, k, v)[0]
    assert ((drawn - p).abs() < 4.5 * (p * (1 - p) / n).sqrt()).all()


def test_the_seed_alone_says_which_noise_there_is(qkv: Callable) -> None:
    one, same, other = (pattern("gumbel_softmax", *qkv(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert (one - other).abs().max() > 0.1


@pytest.mark.parametrize("tau", [0.3, 1.0])
def test_without_noise_gumbel_softmax_is_softmax_with_temperature(
    qkv: Callable, tau: float
) -> None:
    q, k, v = qkv()
    ours = pattern("gumbel_softmax", q, k, v, tau=tau, noise=torch.zeros(6, 9, 9))
    torch.testing.assert_close(ours, pattern("temperature", q, k, v, tau=tau), atol=1e-14, rtol=0)


@pytest.mark.parametrize("name", ["gumbel_softmax", "stick_breaking"])
def test_the_last_queries_alone_get_the_last_rows(qkv: Callable, name: str) -> None:
    q, k, v = qkv()
    few = pattern(name, q[:, :, 5:], k, v)
    torch.testing.assert_close(few, pattern(name, q, k, v)[:, :, 5:], atol=1e-14, rtol=0)


@MASKS
@pytest.mark.parametrize("cap", [0.3, 2.0, 50.0])
def test_softcap_matches_x_transformers(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    mask: Tensor | None,
    cap: float,
) -> None:
    q, k, v = qkv()
    how = {"softclamp_logits": True, "logit_softclamp_value": cap}
    theirs = attended(package, q, k, v, mask, **how)
    agree("softcap", pattern("softcap", q, k, v, mask, cap=cap), theirs)


@MASKS
def test_softcap_matches_gemma_2(
    qkv: Callable, package: Callable[[str], Any], mask: Tensor | None
) -> None:
    q, k, v = qkv(g=2)
    module = SimpleNamespace(num_key_value_groups=3, training=False, head_dim=8)
    add = None if mask is None else torch.zeros(9, 9).masked_fill(~mask, -math.inf)
    eager = package("transformers.models.gemma2.modeling_gemma2").eager_attention_forward
    _, theirs = eager(module, q, k, v, add, softcap=2.0)
    ours = pattern("softcap", q, k, v, mask, cap=2.0)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)  # its softmax is in float32


def test_softcap_bounds_the_scores_and_keeps_their_order(qkv: Callable) -> None:
    ours = attnviz.attend("softcap", *qkv(), cap=0.5)
    capped, before = ours["scores"].value, ours["scaled"].value
    assert (capped.abs() <= 0.5).all()
    assert torch.equal(capped.argsort(-1), before.argsort(-1))


@MASKS
@pytest.mark.parametrize("scale", [0.2, 0.43, 2.0, None])
def test_ssmax_matches_torchs_kernel(
    qkv: Callable, agree: Callable, mask: Tensor | None, scale: float | None
) -> None:
    q, k, v = qkv()
    own = torch.linspace(0.1, 2, 6).double()
    scales = own if scale is None else torch.full_like(own, scale)
    factor = (scales[:, None, None] * counts(mask).log()).where(counts(mask) > 1, 1)
    expected = functional.scaled_dot_product_attention(q * factor, k, v, attn_mask=mask)
    ours = attnviz.attend("ssmax", q, k, v, mask, scale=own if scale is None else scale)
    agree("ssmax", ours["z"].value, expected)


def test_the_largest_weight_of_ssmax_does_not_fade() -> None:
    largest: dict[str, list[float]] = {"softmax": [], "ssmax": []}
    for n in (10, 100, 1000):
        k = torch.zeros(1, 1, n, 1).double()
        k[:, :, 0] = 3
        for name, found in largest.items():
            found.append(float(pattern(name, torch.ones(1, 1, 1, 1).double(), k, k).max()))
    assert largest["ssmax"] == sorted(largest["ssmax"])
    assert largest["softmax"] == sorted(largest["softmax"], reverse=True)


@MASKS
@pytest.mark.parametrize("kept", [1, 3, 9])
def test_topk_matches_x_transformers(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    mask: Tensor | None,
    kept: int,
) -> None:
    q, k, v = qkv()
    theirs = attended(package, q, k, v, mask, sparse_topk=kept)
    ours = pattern("topk", q, k, v, mask, kept=kept)
    agree("topk", ours, theirs)
    assert ((ours > 0).sum(-1) <= kept).all()


def test_ties_with_the_kth_score_are_all_kept() -> None:
    k = torch.tensor([0.0, 1, 2, 1, 0]).double()[None, None, :, None]
    found = pattern("topk", torch.ones(1, 1, 1, 1).double(), k, k, kept=2)
    assert found.flatten().nonzero().flatten().tolist() == [1, 2, 3]


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_stick_breaking_matches_fla(
    qkv: Callable, agree: Callable, fla: Callable[[str], Any], groups: int
) -> None:
    q, k, v = qkv(g=groups)
    naive = fla("ops/stickbreaking_attn/naive.py").naive_stickbreaking_attn
    expected, left = naive(*(x.transpose(1, 2) for x in (q, k, v)))
    ours = attnviz.attend("stick_breaking", q, k, v)
    agree("stick_breaking", ours["z"].value, expected.transpose(1, 2))
    agree("stick_breaking", 1 - ours["pattern"].value.sum(-1), left.transpose(1, 2))


def test_stick_breaking_leaves_the_first_row_empty_and_prefers_the_near() -> None:
    q, k = torch.zeros(1, 1, 6, 1).double(), torch.ones(1, 1, 6, 1).double()
    found = pattern("stick_breaking", q, k, k)[0]
    assert (found[0] == 0).all()
    assert found[5].tolist() == pytest.approx([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 0])


@pytest.mark.parametrize("rounds", [0, 1, 5, 20])
def test_sinkhorn_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], rounds: int
) -> None:
    ours = attnviz.attend("sinkhorn", *qkv(), rounds=rounds)
    sinkhorn = package("x_transformers.x_transformers").sinkhorn
    # it begins and ends with the columns
    theirs = sinkhorn(ours["scores"].value.mT, iters=rounds).mT
    agree("sinkhorn", ours["pattern"].value, theirs)


def test_sinkhorn_brings_rows_and_columns_to_one(qkv: Callable) -> None:
    found = pattern("sinkhorn", *qkv(), rounds=100)
    one = torch.ones(2, 6, 9).double()
    torch.testing.assert_close(found.sum(-1), one, atol=1e-12, rtol=0)
    torch.testing.assert_close(found.sum(-2), one, atol=1e-6, rtol=0)


@MASKS
def test_cog_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], mask: Tensor | None
) -> None:
    q, k, v = qkv()
    ours = pattern("cog", q, k, v, mask)
    agree("cog", ours, attended(package, q, k, v, mask, cog_signed=True))
    torch.testing.assert_close(ours.abs().sum(-1), torch.ones(2, 6, 9).double())
    assert (ours < 0).any()


@pytest.mark.parametrize("holes", [False, True])
def test_selective_matches_x_transformers(
    qkv: Callable, agree: Callable, package: Callable[[str], Any], holes: bool
) -> None:
    q, k, v = qkv()
    keys = HOLES.expand(9, 9) if holes else None
    theirs = attended(package, q, k, v, keys, selective=True, causal=True)
    agree("selective", pattern("selective", q, k, v, CAUSAL & HOLES if holes else CAUSAL), theirs)


def test_what_is_taken_off_a_key_only_grows_and_spares_the_first(qkv: Callable) -> None:
    ours = attnviz.attend("selective", *qkv(b=1), mask=CAUSAL)
    faded = ours["faded"].value
    assert (faded[..., 0] == 0).all()
    assert (faded.diff(dim=-2) >= 0).all()
    assert (faded.diagonal(dim1=-2, dim2=-1) == 0).all()
    assert (faded > 0).any()


@MASKS
@pytest.mark.parametrize("eps", [1e-6, 0.5])
@pytest.mark.parametrize("size", [0.5, 1.0, 8.0])
def test_softpick_matches_the_definition(
    qkv: Callable, agree: Callable, mask: Tensor | None, eps: float, size: float
) -> None:
    q, k, v = qkv()
    ours = attnviz.attend("softpick", q * size, k, v, mask, eps=eps)
    expected = torch.zeros_like(ours["pattern"].value)
    for row, found in zip(ours["masked"].value.view(-1, 9), expected.view(-1, 9), strict=True):
        sizes = [math.expm1(x) if x > -math.inf else 0.0 for x in row.tolist()]
        total = math.fsum(map(abs, sizes)) + eps * math.exp(max(row.tolist()))
        found.copy_(torch.tensor([max(x, 0.0) / total for x in sizes], dtype=torch.float64))
    agree("softpick", ours["pattern"].value, expected)


def test_softpick_gives_nothing_to_scores_below_zero_and_stays_calm_where_they_are_large(
    qkv: Callable,
) -> None:
    q, k, v = qkv()
    for size in (1.0, 1e5):
        ours = attnviz.attend("softpick", q * size, k, v)
        found, scores = ours["pattern"].value, ours["scores"].value
        assert found.isfinite().all()
        assert (found[scores <= 0] == 0).all()
        assert (found.sum(-1) <= 1).all()


OWN = "softmax1 sink_logit sparsemax sigmoid relu relu2 softcap ssmax topk cog softpick"


@pytest.mark.parametrize("name", [*OWN.split(), "gumbel_softmax", "stick_breaking", "selective"])
def test_a_row_with_nothing_allowed_gives_no_gradient_that_is_no_number(
    qkv: Callable, name: str
) -> None:
    q, k, v = (x.requires_grad_() for x in qkv(b=1))
    mask = CAUSAL.clone()
    mask[3] = False
    parts = over(STANDARD, attnviz.variants()[name].build(Inputs.of(q, k, v)))
    path(q, k, v, mask, parts).square().sum().backward()
    for x in (q, k, v):
        assert x.grad is not None
        assert x.grad.isfinite().all()
    assert q.grad is not None
    assert (q.grad[:, 1:, 3] == 0).all()


@MASKS
@pytest.mark.parametrize("mass", [0.05, 0.5, 0.9, 1.0])
def test_top_p_matches_transformers(
    qkv: Callable,
    agree: Callable,
    package: Callable[[str], Any],
    mass: float,
    mask: Tensor | None,
) -> None:
    q, k, v = qkv()
    ours = attnviz.attend("top_p", q, k, v, mask, mass=mass)
    rows = ours["masked"].value.flatten(0, 2)
    cut = package("transformers").TopPLogitsWarper(mass)(None, rows) if mass < 1 else rows
    agree("top_p", ours["pattern"].value.flatten(0, 2), cut.softmax(-1))
