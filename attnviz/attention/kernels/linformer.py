"""Linformer: a fixed matrix mixes the tokens into a few, and the queries look at those.

Wang et al. 2020, arXiv:2006.04768, equation 7: softmax(Q (E K)^T / sqrt(d)) (F V), with E and F of
`rank` rows and a column for each place, the same for all heads; of a shorter text's they are the
first columns. The matrix over tokens that this amounts to, softmax(...) F, may be negative and its
rows need not sum to 1. Every mixed key holds all tokens: the mask may only leave keys out, whose
columns are then 0.
"""

from dataclasses import replace

from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.cost import Cost
from attnviz.attention.kernels.hidden import at_once, hidden
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

TO_KEYS = Step(
    "to_keys",
    "H R S",
    r"E",
    "matrix[r, s]",
    words={
        "en": (
            "How keys are mixed",
            "One row for each mixed key, one column for each token; 0 "
            "where the mask hides a token.",
        ),
        "zh": ("键的混合方式", "每行对应一个混合键，每列对应一个词元；被掩码隐藏处为 0。"),
    },
)
TO_VALUES = Step(
    "to_values",
    "H R S",
    r"F",
    "matrix[r, s]",
    words={
        "en": (
            "How values are mixed",
            "One row for each mixed value, one column for each token; 0 "
            "where the mask hides a token.",
        ),
        "zh": ("值的混合方式", "每行对应一个混合值，每列对应一个词元；被掩码隐藏处为 0。"),
    },
)
KEYS = Step(
    "keys_mixed",
    "H R K",
    r"\bar K = E K",
    "sum(s, to_keys[h, r, s] * k[h // n_sharing, s, k])",
    words={
        "en": ("Mixed keys", "A few keys, each made of those of all tokens."),
        "zh": ("混合键", "少数几个键，每个都由所有词元的键混合而成。"),
    },
)
VALUES = Step(
    "values_mixed",
    "H R E",
    r"\bar V = F V",
    "sum(s, to_values[h, r, s] * v[h // n_sharing, s, e])",
    words={
        "en": ("Mixed values", "A few values, each made of those of all tokens."),
        "zh": ("混合值", "少数几个值，每个都由所有词元的值混合而成。"),
    },
)
SHARES = Step(
    "shares",
    "H T R",
    r"P = \mathrm{softmax}(Q \bar K^\top / \sqrt{d})",
    "exp(sum(k, q[h, t, k] * keys_mixed[h, r, k]) / sqrt(width)) / "
    "sum(i, exp(sum(k, q[h, t, k] * keys_mixed[h, i, k]) / sqrt(width)))",
    kind="weight",
    words={
        "en": ("Weights on the mixed tokens", "Softmax as usual, over a few keys only."),
        "zh": ("对混合词元的权重", "照常做 Softmax，只是键很少。"),
    },
)
PATTERN_LINFORMER = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A = P F",
    "sum(r, shares[h, t, r] * to_values[h, r, s])",
    words={
        "en": (
            "The matrix it amounts to",
            "The weights on the mixed values, led back to the tokens; some are negative.",
        ),
        "zh": ("等效权重矩阵", "把对混合值的权重还原到各词元上；其中有些为负。"),
    },
)
Z_LINFORMER = Step(
    Z.name,
    Z.axes,
    r"Z = P \bar V",
    "sum(r, shares[h, t, r] * values_mixed[h, r, e])",
    words={
        "en": ("Mix the mixed values", "Each query adds up the few values in its proportions."),
        "zh": ("组合混合值", "每个查询按自己的比例把少数几个值相加。"),
    },
)


def linformer(rank: int, E: Tensor, F: Tensor) -> Parts:
    """A path by way of `rank` mixed keys and values, by E and F (rank x C)."""

    def columns(
        step: Step, matrix: Tensor, q_BHTK: Tensor, s: int, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        mix_BHRS = matrix[..., None, :, :s].expand(*q_BHTK.shape[:2], rank, s)
        hidden_BHS = hidden(allowed)
        if hidden_BHS is None:
            return rec.keep(step, mix_BHRS, matrix=matrix)
        step = replace(step, rule="matrix[r, s] * allowed[h, last, s]")
        seen_BHRS, last = mix_BHRS * ~hidden_BHS[:, :, None], q_BHTK.shape[2] - 1
        return rec.keep(step, seen_BHRS, matrix=matrix, allowed=allowed, last=last)

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        at_once("linformer", allowed)
        s, width, n_sharing = k_BGSK.shape[2], q_BHTK.shape[3], q_BHTK.shape[1] // k_BGSK.shape[1]
        to_k_BHRS = columns(TO_KEYS, E, q_BHTK, s, allowed, rec)
        to_v_BHRS = columns(TO_VALUES, F, q_BHTK, s, allowed, rec)
        k_BHRK, v_BHRE = to_k_BHRS @ shared(k_BGSK, q_BHTK), to_v_BHRS @ shared(v_BGSE, q_BHTK)
        k_BHRK = rec.keep(KEYS, k_BHRK, to_keys=to_k_BHRS, k=k_BGSK, n_sharing=n_sharing)
        v_BHRE = rec.keep(VALUES, v_BHRE, to_values=to_v_BHRS, v=v_BGSE, n_sharing=n_sharing)
        shares_BHTR = (q_BHTK @ k_BHRK.mT / width**0.5).softmax(-1)
        shares_BHTR = rec.keep(SHARES, shares_BHTR, q=q_BHTK, keys_mixed=k_BHRK, width=width)
        about = {"shares": shares_BHTR, "to_values": to_v_BHRS}
        rec.derive(PATTERN_LINFORMER, lambda: shares_BHTR @ to_v_BHRS, **about)
        z_BHTE = shares_BHTR @ v_BHRE
        return rec.keep(Z_LINFORMER, z_BHTE, shares=shares_BHTR, values_mixed=v_BHRE)

    return Parts(whole=whole)


VARIANT = Variant(
    name="linformer",
    title={"en": "Linformer", "zh": "Linformer（低秩投影）"},
    words={
        "en": "A learned matrix mixes all tokens into a fixed few, and every query looks at those: "
        "the work grows with the length of the text only.",
        "zh": "用一个可学习的矩阵把所有词元混合成固定的几个，查询只看它们：计算量随长度线性增长。",
    },
    paper="Wang et al. 2020, arXiv:2006.04768",
    formula=r"Z = \mathrm{softmax}(Q (E K)^\top / \sqrt{d}) \, F V",
    parts=linformer,
    oracle=Oracle(package="linformer", call="LinformerSelfAttention", error=1e-13),
    properties=Properties(row_sum="any", negative=True, maskable=False),
    parameters={
        "rank": Parameter(
            default="maximum(1, C // 4)",
            low=1,
            high="C",
            whole=True,
            meaning={"en": "how many mixed keys and values", "zh": "混合键、混合值的个数"},
        )
    },
    weights={
        "E": Weight(axes="rank C", meaning={"en": "mixes the keys", "zh": "混合键"}),
        "F": Weight(axes="rank C", meaning={"en": "mixes the values", "zh": "混合值"}),
    },
    cost=Cost(
        operations="H * rank * (2 * S * (K + E) + T * (2 * K + 2 * E + 5))",
        numbers="H * rank * (T + K + E)",
    ),
)
