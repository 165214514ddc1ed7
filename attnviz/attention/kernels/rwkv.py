"""RWKV-4's mixing: an average of the values so far that fades with time, channel by channel.

Peng et al. 2023, arXiv:2305.13048: an earlier token s weighs exp(k_s - (t - 1 - s) w),
the token itself exp(u + k_t), and the weights of a channel are divided by their sum; the sigmoid of
the query (their receptance) gates the result. w = exp(decay) > 0, so a channel fades from one token
to the next by exp(-w); decay goes from -5 to 3 over all channels, as a new model starts, and u is
log 0.3. Computed as a recurrence with the largest exponent taken off. Causal by itself; the last
query stands at the last key. A hidden key weighs nothing, but the time it takes passes. The shift
of tokens before it is left out. The matrix shown is the mean over the channels.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.kernels.aft import MIXED, PATTERN_MEAN, Z_GATED, of_one_width
from attnviz.attention.kernels.hidden import lowered
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

EXPONENT = Step(
    "exponent",
    "H T S E",
    r"x_{tse} = k_{se} - (t - 1 - s) w_e, \quad x_{tte} = k_{te} + u_e",
    "where(s < t + past, k[h // n_sharing, s, e] - rate * exp(decay[h, e]) * (t + past - 1 - s), "
    "where(s == t + past, k[h // n_sharing, s, e] + first[h, e], -inf))",
    words={
        "en": (
            "Exponents of each channel",
            "The key, less what has faded since; −∞ for later tokens.",
        ),
        "zh": ("各通道的指数", "键减去此后的衰减；之后的词元为 −∞。"),
    },
)
CHANNELS = Step(
    "channels",
    "H T S E",
    r"A_{tse} = \frac{\exp(x_{tse})}{\sum_{s'} \exp(x_{ts'e})}",
    "exp(exponent[h, t, s, e]) / sum(l, exp(exponent[h, t, l, e]))",
    kind="weight",
    words={
        "en": ("Weights of each channel", "Every channel of the values has weights of its own."),
        "zh": ("各通道的权重", "值的每个通道都有自己的一套权重。"),
    },
)


def decays(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """From -5 to 3 over all channels of all heads."""
    return torch.linspace(-5, 3, math.prod(shape), dtype=torch.float64).reshape(shape)


def firsts(shape: tuple[int, ...], _: torch.Generator) -> Tensor:
    """log 0.3."""
    return torch.full(shape, math.log(0.3), dtype=torch.float64)


def wkv(k_BHSE: Tensor, v_BHSE: Tensor, w: Tensor, first: Tensor, t: int) -> Tensor:
    """The faded averages at the last `t` places, BHTE; both sums are kept in units of exp(top)."""
    limit, s = torch.finfo(k_BHSE.dtype), k_BHSE.shape[2]
    values = weights = torch.zeros_like(v_BHSE[:, :, 0])
    top = torch.full_like(values, -torch.inf)
    read = [values] * max(0, t - s)
    for place in range(s):
        k_BHE, v_BHE = k_BHSE[:, :, place], v_BHSE[:, :, place]
        if place >= s - t:
            most = torch.maximum(top, k_BHE + first).detach().clamp_min(limit.min)
            before, now = torch.exp(top - most), torch.exp(k_BHE + first - most)
            total = (before * weights + now).clamp_min(limit.tiny)
            read.append((before * values + now * v_BHE) / total)
        most = torch.maximum(top - w, k_BHE).detach().clamp_min(limit.min)
        before, now = torch.exp(top - w - most), torch.exp(k_BHE - most)
        values, weights = before * values + now * v_BHE, before * weights + now
        top = most
    return torch.stack(read, dim=2)


def rwkv(rate: float, decay: Tensor, first: Tensor) -> Parts:
    """A path whose channels fade by exp(-rate exp(decay)) a token (decay and first: H E)."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        of_one_width(q_BHTK, v_BGSE)
        h, past = q_BHTK.shape[1], k_BGSK.shape[2] - q_BHTK.shape[2]
        k_BGSK, w_HE = lowered(k_BGSK, q_BHTK, allowed, rec), rate * decay.exp()
        k_BHSE, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        limit = torch.finfo(q_BHTK.dtype)

        def exponent() -> Tensor:
            t_T11 = torch.arange(q_BHTK.shape[2], device=q_BHTK.device)[:, None, None] + past
            since_TS1 = t_T11 - torch.arange(k_BHSE.shape[2], device=q_BHTK.device)[:, None]
            faded = k_BHSE[:, :, None] - w_HE[..., None, None, :] * (since_TS1 - 1)
            own = (k_BHSE + first[..., None, :])[:, :, None]
            return faded.where(since_TS1 > 0, own).where(since_TS1 >= 0, -torch.inf)

        def channels() -> Tensor:
            exponent_BHTSE = exponent()
            most_BHT1E = exponent_BHTSE.amax(3, keepdim=True).clamp_min(limit.min)
            exp_BHTSE = torch.exp(exponent_BHTSE - most_BHT1E)
            return exp_BHTSE / exp_BHTSE.sum(3, keepdim=True).clamp_min(limit.tiny)

        about = {"k": k_BGSK, "decay": decay, "first": first, "rate": rate, "past": past}
        rec.derive(EXPONENT, exponent, **about, n_sharing=h // k_BGSK.shape[1])
        rec.derive(CHANNELS, channels, exponent=EXPONENT)
        rec.derive(PATTERN_MEAN, lambda: channels().mean(-1), channels=CHANNELS)
        mixed_BHTE, n_sharing = (
            wkv(k_BHSE, v_BHSE, w_HE, first, q_BHTK.shape[2]),
            h // v_BGSE.shape[1],
        )
        mixed_BHTE = rec.keep(MIXED, mixed_BHTE, channels=CHANNELS, v=v_BGSE, n_sharing=n_sharing)
        return rec.keep(Z_GATED, q_BHTK.sigmoid() * mixed_BHTE, q=q_BHTK, mixed=mixed_BHTE)

    return Parts(whole=whole)


VARIANT = Variant(
    name="rwkv",
    title={"en": "RWKV-4", "zh": "RWKV-4（时间混合）"},
    words={
        "en": "A running average of the values: the key says how much a token counts, and every "
        "channel fades at its own speed; a network that reads token by token.",
        "zh": "值的滑动平均：键决定词元的分量，每个通道以自己的速度衰减；逐词元读取的网络。",
    },
    paper="Peng et al. 2023, arXiv:2305.13048",
    formula=r"z_t = \sigma(q_t) \odot \frac{\sum_{s < t} e^{-(t-1-s) w + k_s} \odot v_s + "
    r"e^{u + k_t} \odot v_t}{\sum_{s < t} e^{-(t-1-s) w + k_s} + e^{u + k_t}}",
    parts=rwkv,
    oracle=Oracle(package="transformers", call="rwkv.rwkv_linear_attention_cpu", error=1e-7),
    properties=Properties(placed=True, causal=True, sparse=True, same_width=True),
    parameters={
        "rate": Parameter(
            default=1.0,
            low=0.0,
            high=16.0,
            meaning={
                "en": "factor on the fading: 0 forgets nothing",
                "zh": "衰减的倍数：0 表示不遗忘",
            },
        )
    },
    weights={
        "decay": Weight(
            axes="H E",
            meaning={
                "en": "how fast each channel fades, as a logarithm",
                "zh": "各通道衰减速度的对数",
            },
            start=decays,
            drawn=False,
        ),
        "first": Weight(
            axes="H E",
            meaning={"en": "what the token itself gets on top", "zh": "当前词元自身的加成"},
            start=firsts,
            drawn=False,
        ),
    },
    cost=Cost(
        operations="H * (10 * S * E + 8 * T * E)",
        numbers="3 * H * E",
        tokens="1",
        width="3 * H * E",
    ),
)
