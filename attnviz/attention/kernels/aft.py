"""Attention-free transformer (AFT-full): no product of query and key at all. A table says how much
each place counts for each other, the keys how much each channel of a token counts.

Zhai et al. 2021, arXiv:2105.14103, equation 2: the values are averaged channel by channel with the
weights exp(w_ts + k_s), and the sigmoid of the query gates the result. The table w is the same for
all heads; of a larger table the last query's row and the last key's column are aligned at the end.
The exponents' largest part is taken off first, which the quotient undoes. One weight a channel:
keys, queries and values must be of one width, and the matrix shown is the mean over the channels.
"""

from dataclasses import replace

import torch
from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.error import InputError
from attnviz.recorder import Recorder, Step

_EXP = "exp(strength * w[t + row, {s} + column] + k[h // n_sharing, {s}, e])"
CHANNELS = Step(
    "channels",
    "H T S E",
    r"A_{tse} = \frac{\exp(w_{ts} + k_{se})}{\sum_{s'} \exp(w_{ts'} + k_{s'e})}",
    f"{_EXP.format(s='s')} / sum(l, {_EXP.format(s='l')})",
    kind="weight",
    words={
        "en": ("Weights of each channel", "Every channel of the values has weights of its own."),
        "zh": ("各通道的权重", "值的每个通道都有自己的一套权重。"),
    },
)
PATTERN_MEAN = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \mathrm{mean}_e(A_{tse})",
    "mean(e, channels[h, t, s, e])",
    kind="weight",
    words={
        "en": ("Mean over the channels", "A summary: what is computed has a weight per channel."),
        "zh": ("各通道的均值", "仅为概括：实际计算中每个通道都有自己的权重。"),
    },
)
MIXED = Step(
    "mixed",
    "H T E",
    r"\sum_s A_{tse} v_{se}",
    "sum(s, channels[h, t, s, e] * v[h // n_sharing, s, e])",
    words={
        "en": ("Mix the values", "Channel by channel, each with weights of its own."),
        "zh": ("混合值", "逐通道混合，每个通道用自己的权重。"),
    },
)
Z_GATED = Step(
    Z.name,
    Z.axes,
    r"z_t = \sigma(q_t) \odot \sum_s A_{tse} v_{se}",
    "sigmoid(q[h, t, e]) * mixed[h, t, e]",
    words={
        "en": ("The query as a gate", "It says how much of each channel is let through."),
        "zh": ("查询作为门", "它决定每个通道放行多少。"),
    },
)


def of_one_width(q_BHTK: Tensor, v_BGSE: Tensor) -> None:
    """Raise InputError where a query cannot gate the values."""
    if q_BHTK.shape[-1] != v_BGSE.shape[-1]:
        said = f"q {tuple(q_BHTK.shape)}", f"v {tuple(v_BGSE.shape)}"
        message = f"{said[0]} and {said[1]} do not belong together: they need one width"
        raise InputError("shapes", message, first=said[0], second=said[1])


def aft(strength: float, w: Tensor) -> Parts:
    """A path with the table `strength` x w (C C, or B C C)."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        of_one_width(q_BHTK, v_BGSE)
        (t, s), n_sharing = (q_BHTK.shape[2], k_BGSK.shape[2]), q_BHTK.shape[1] // k_BGSK.shape[1]
        k_BHSE, v_BHSE = shared(k_BGSK, q_BHTK), shared(v_BGSE, q_BHTK)
        row, column = max(0, s - t), max(0, t - s)
        w_BHTS = strength * w[..., None, row : row + t, column : column + s]
        w_BHTS = w_BHTS.expand(*q_BHTK.shape[:3], s)
        if allowed is not None:
            w_BHTS = w_BHTS.where(allowed, -torch.inf)
        limit = torch.finfo(q_BHTK.dtype)
        exp_w_BHTS = torch.exp(w_BHTS - w_BHTS.amax(-1, keepdim=True).clamp_min(limit.min))
        exp_k_BHSE = torch.exp(k_BHSE - k_BHSE.amax(2, keepdim=True))
        total_BHTE = (exp_w_BHTS @ exp_k_BHSE).clamp_min(limit.tiny)

        def channels() -> Tensor:
            exponent_BHTSE = w_BHTS[..., None] + k_BHSE[:, :, None]
            most_BHT1E = exponent_BHTSE.amax(3, keepdim=True).clamp_min(limit.min)
            exp_BHTSE = torch.exp(exponent_BHTSE - most_BHT1E)
            return exp_BHTSE / exp_BHTSE.sum(3, keepdim=True).clamp_min(limit.tiny)

        step = CHANNELS if allowed is None else CHANNELS_ALLOWED
        about = {"w": w, "k": k_BGSK, "allowed": allowed, "strength": strength}
        rec.derive(step, channels, **about, row=row, column=column, n_sharing=n_sharing)
        rec.derive(PATTERN_MEAN, lambda: channels().mean(-1), channels=CHANNELS)
        mixed_BHTE = exp_w_BHTS @ (exp_k_BHSE * v_BHSE) / total_BHTE
        mixed_BHTE = rec.keep(MIXED, mixed_BHTE, channels=CHANNELS, v=v_BGSE, n_sharing=n_sharing)
        return rec.keep(Z_GATED, q_BHTK.sigmoid() * mixed_BHTE, q=q_BHTK, mixed=mixed_BHTE)

    return Parts(whole=whole)


CHANNELS_ALLOWED = replace(
    CHANNELS,
    rule=f"where(allowed[h, t, s], {_EXP.format(s='s')}, 0) / "
    f"sum(l, where(allowed[h, t, l], {_EXP.format(s='l')}, 0))",
)
VARIANT = Variant(
    name="aft",
    title={"en": "Attention-free (AFT-full)", "zh": "无注意力 Transformer（AFT-full）"},
    words={
        "en": "Queries and keys are never compared: a table of places and the key alone weigh each "
        "channel, and the query only gates what comes out.",
        "zh": "从不比较查询和键：权重只由位置表和键决定，逐通道计算；查询只用作输出的门。",
    },
    paper="Zhai et al. 2021, arXiv:2105.14103",
    formula=r"z_t = \sigma(q_t) \odot \frac{\sum_s \exp(w_{ts} + k_s) \odot v_s}"
    r"{\sum_s \exp(w_{ts} + k_s)}",
    parts=aft,
    oracle=Oracle(package="aft-pytorch", call="AFTFull", error=1e-13),
    properties=Properties(placed=True, same_width=True),
    parameters={
        "strength": Parameter(
            default=1.0,
            low=0.0,
            high=10.0,
            meaning={
                "en": "factor on the table: at 0 all queries get the same mixture",
                "zh": "位置表的倍数：为 0 时所有查询得到相同的混合",
            },
        )
    },
    weights={
        "w": Weight(
            axes="C C",
            meaning={"en": "how much each place counts for each", "zh": "各位置彼此间的权重"},
        )
    },
    cost=Cost(operations="H * (4 * T * S * E + 3 * T * E)", numbers="T * S + 2 * H * S * E"),
)
