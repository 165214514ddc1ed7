"""Differential attention: the difference of two softmax maps, so that what both see by chance
cancels out.

Ye et al. 2024, arXiv:2410.05258. q and k of a head are cut in halves, [q1; q2] and [k1; k2] (K must
be even), each pair scored with 1/sqrt(K/2). The paper learns lambda, starting from lambda_init;
here both are given. The output is divided by its root mean square (eps 1e-5, no gain, over the
values' width) and multiplied by 1 - lambda_init; norm "none" leaves that out. To be joined with
`rope` use layout "interleaved", whose pairs lie within a half. Masks and positions in q and k can
be joined; biases and normalizers cannot, since there are two maps of scores.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.core import Z, weighted
from attnviz.attention.cost import Cost
from attnviz.attention.heads.gated import MIXED
from attnviz.attention.normalizers.softmax import PATTERN, softmax
from attnviz.attention.parameter import Option, Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.error import InputError
from attnviz.recorder import SILENT, Recorder, Step

EPS = 1e-5
FIRST_WORDS = {
    "en": ("First map", "The weights of the first half of the dimensions."),
    "zh": ("第一张图", "由前一半维度得到的权重。"),
}
SECOND_WORDS = {
    "en": ("Second map", "The weights of the second half: what is to be taken off."),
    "zh": ("第二张图", "由后一半维度得到的权重，将被减去。"),
}
SCORES_WORDS = {
    "en": ("Scores of one half", "Half of the dimensions of query and key are compared."),
    "zh": ("一半维度的分数", "只比较查询和键的一半维度。"),
}
PATTERN_DIFFERENCE = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A = A^1 - \lambda A^2",
    "first[h, t, s] - lam * second[h, t, s]",
    words={
        "en": ("The difference", "What both maps see cancels out; weights may be negative."),
        "zh": ("两图之差", "两张图共有的部分相互抵消；权重可以为负。"),
    },
)
Z_NORMED = Step(
    Z.name,
    Z.axes,
    r"z_t = (1 - \lambda_{\mathrm{init}})\, \mathrm{rms}\left((A V)_t\right)",
    "(1 - initial) * mixed[h, t, e] / sqrt(mean(j, mixed[h, t, j] ** 2) + eps)",
    words={
        "en": ("Bring to one size", "The difference may be small: every head is scaled alike."),
        "zh": ("统一大小", "差值可能很小，因此把各个头缩放到相同大小。"),
    },
)


def _half(q_BHTK: Tensor, k_BGSK: Tensor, allowed: Tensor | None, at: int, rec: Recorder) -> Tensor:
    """The weights BHTS of the first (`at` 0) or the second half (1) of the dimensions."""
    name, words = (("first", FIRST_WORDS), ("second", SECOND_WORDS))[at]
    half, n_sharing = q_BHTK.shape[3] // 2, q_BHTK.shape[1] // k_BGSK.shape[1]
    q_BHTR, k_BHSR = (x.split(half, -1)[at] for x in (q_BHTK, shared(k_BGSK, q_BHTK)))
    scores_BHTS = q_BHTR @ k_BHSR.mT * half**-0.5
    rule = f"sum(k, (k // half == {at}) * q[h, t, k] * k[h // n_sharing, s, k]) / sqrt(half)"
    if allowed is not None:
        rule = f"where(allowed[h, t, s], {rule}, -inf)"
        scores_BHTS = scores_BHTS.masked_fill(~allowed, -math.inf)
    step = Step(
        f"{name}_scores",
        "H T S",
        rf"S^{at + 1} = Q_{at + 1} K_{at + 1}^\top / \sqrt{{d/2}}",
        rule,
        words=SCORES_WORDS,
    )
    about = {"q": q_BHTK, "k": k_BGSK, "allowed": allowed, "half": half, "n_sharing": n_sharing}
    scores_BHTS = rec.keep(step, scores_BHTS, None, **about)
    cell = f"exp({name}_scores[h, t, s]) / sum(j, exp({name}_scores[h, t, j]))"
    formula = rf"A^{at + 1} = \mathrm{{softmax}}(S^{at + 1})"
    step = Step(name, "H T S", formula, cell, "weight", words)
    return rec.keep(step, softmax(scores_BHTS, SILENT), None, **{f"{name}_scores": scores_BHTS})


def differential(lam: float, initial: float, norm: str) -> Parts:
    """A path whose map is that of the first half less `lam` times that of the second."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        if q_BHTK.shape[3] % 2:
            width = q_BHTK.shape[3]
            message = f"differential: the width of a head must be even, to be halved, not {width}"
            raise InputError("even", message, name="d_head", value=width)
        first_BHTS, second_BHTS = (_half(q_BHTK, k_BGSK, allowed, at, rec) for at in (0, 1))
        pattern_BHTS = rec.keep(
            PATTERN_DIFFERENCE,
            first_BHTS - lam * second_BHTS,
            first=first_BHTS,
            second=second_BHTS,
            lam=lam,
        )
        if norm == "none":
            return weighted(pattern_BHTS, v_BGSE, rec)
        mixed_BHTE = weighted(pattern_BHTS, v_BGSE, rec, MIXED)
        scale_BHT1 = torch.rsqrt(mixed_BHTE.square().mean(-1, keepdim=True) + EPS)
        z_BHTE = (1 - initial) * mixed_BHTE * scale_BHT1
        return rec.keep(Z_NORMED, z_BHTE, mixed=mixed_BHTE, initial=initial, eps=EPS)

    return Parts(whole=whole)


VARIANT = Variant(
    name="differential",
    title={"en": "Differential attention", "zh": "差分注意力"},
    words={
        "en": "A second map is taken off the first, as a headphone takes off noise: what both see "
        "cancels out, and what matters stands out.",
        "zh": "从第一张图中减去第二张，如同耳机降噪：两者共有的部分抵消，重要的部分凸显。",
    },
    paper="Ye et al. 2024, arXiv:2410.05258",
    formula=r"A = \mathrm{softmax}\left(\frac{Q_1 K_1^\top}{\sqrt{d/2}}\right) - \lambda\, "
    r"\mathrm{softmax}\left(\frac{Q_2 K_2^\top}{\sqrt{d/2}}\right)",
    parts=differential,
    oracle=Oracle(package="transformers", call="DiffLlamaAttention", error=2e-6),
    properties=Properties(row_sum="at most one", negative=True),
    parameters={
        "lam": Parameter(
            default=0.8,
            low=0.0,
            high=1.0,
            meaning={"en": "how much of the second map is taken off", "zh": "减去第二张图的比例"},
        ),
        "initial": Parameter(
            default=0.8,
            low=0.0,
            high=1.0,
            meaning={
                "en": "lambda at the start of training, sets the output's size",
                "zh": "训练开始时的 λ，决定输出的大小",
            },
        ),
        "norm": Option(
            options=("rms", "none"),
            meaning={"en": "what is done to the output", "zh": "如何处理输出"},
        ),
    },
    cost=Cost(extra="7 * H * T * S + 4 * H * T * E"),
)
