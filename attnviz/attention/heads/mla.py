"""Multi-head latent attention: keys and values of all heads are unpacked from one short vector for
each token, and only that vector is kept in the cache.

DeepSeek-AI 2024, arXiv:2405.04434, section 2.1. The input x of a token is the keys of all heads,
one after the other (G K numbers); v gives only its width, its numbers are not used. A query is
[nope; rope]: its last `rope` dimensions are turned by place (layout "interleaved", base 10000, see
`rope`) and meet one turned key that all heads share; the others meet the unpacked keys, of which
W_UK's first K - rope rows and W_KR's last rope rows are used. The latent vector is divided by its
root mean square (a gain would be part of W_UK and W_UV). Scores are divided by sqrt(K), without the
factor for long texts. Queries are not compressed here. What is computed is the unpacked form; the
absorbed one (W_UK moved to the queries, W_UV behind the sum) gives the same numbers.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Parameter, Weight, normal
from attnviz.attention.parts import Parts
from attnviz.attention.positions.rotation import pairs, rotate
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.error import InputError
from attnviz.recorder import Recorder, Step

EPS, BASE = 1e-6, 10_000.0
DOWN = Step(
    "down",
    "S A",
    r"W_{DKV}\, x_s",
    "sum(g, k, W_DKV[a, g, k] * k[g, s, k])",
    words={
        "en": ("Squeeze the token", "All heads' numbers are pressed into a few."),
        "zh": ("压缩词元", "把所有头的数压成少数几个。"),
    },
)
LATENT = Step(
    "latent",
    "S A",
    r"c_s = \mathrm{rms}(W_{DKV}\, x_s)",
    "down[s, a] / sqrt(mean(j, down[s, j] ** 2) + eps)",
    words={
        "en": ("The latent vector", "What is cached of a token, brought to a size of one."),
        "zh": ("潜在向量", "缓存中保存的词元信息，均方根归一。"),
    },
)
KEYS = Step(
    "keys",
    "H S K",
    r"[W_{UK}\, c_s;\; W_{KR}\, x_s]",
    "where(k < nope, sum(a, W_UK[h, k, a] * latent[s, a]), sum(g, j, W_KR[k, g, j] * k[g, s, j]))",
    words={
        "en": ("Keys unpacked", "Each head's own part, and the part for places that all share."),
        "zh": ("展开的键", "前段各头自有，后段用于位置，由所有头共用。"),
    },
)
VALUES = Step(
    "values",
    "H S E",
    r"W_{UV}\, c_s",
    "sum(a, W_UV[h, e, a] * latent[s, a])",
    words={
        "en": ("Values unpacked", "Each head's values, out of the same latent vector."),
        "zh": ("展开的值", "各头的值，由同一个潜在向量得到。"),
    },
)
FREQUENCY = Step(
    "frequency",
    "K",
    r"\theta_m = b^{-2m/d_r}",
    "where(k < nope, 0, 1 / base ** ((k - nope) // 2 / half))",
    words={
        "en": ("How fast each pair turns", "Only the last dimensions turn with the place."),
        "zh": ("每一对的转速", "只有最后几个维度随位置旋转。"),
    },
)


def mla(rank: int, rope: int, W_DKV: Tensor, W_UK: Tensor, W_UV: Tensor, W_KR: Tensor) -> Parts:
    """Parts that unpack keys and values from `rank` numbers and turn the last `rope` dimensions."""
    if rope % 2:
        message = f"mla: rope must be even, its dimensions are turned in pairs, not {rope}"
        raise InputError("even", message, name="rope", value=rope)

    def share(
        q_BHTK: Tensor, k_BGSK: Tensor, _v_BGSE: Tensor, rec: Recorder
    ) -> tuple[Tensor, Tensor, Tensor]:
        nope = q_BHTK.shape[3] - rope
        x_BSX = k_BGSK.transpose(1, 2).flatten(2)
        down_BSA = rec.keep(DOWN, x_BSX @ W_DKV.flatten(-2).mT, W_DKV=W_DKV, k=k_BGSK)
        latent_BSA = down_BSA / (down_BSA.square().mean(-1, keepdim=True) + EPS).sqrt()
        latent_BSA = rec.keep(LATENT, latent_BSA, down=down_BSA, eps=EPS)
        placed_BSK = x_BSX @ W_KR.flatten(-2).mT
        keys_BHSK, values_BHSE = (latent_BSA[:, None] @ W.mT for W in (W_UK, W_UV))
        own_K = torch.arange(nope + rope, device=k_BGSK.device) < nope
        keys_BHSK = keys_BHSK.where(own_K, placed_BSK[:, None])
        about = {"latent": latent_BSA, "W_UK": W_UK, "W_KR": W_KR, "k": k_BGSK}
        keys_BHSK = rec.keep(KEYS, keys_BHSK, None, nope=nope, **about)
        return q_BHTK, keys_BHSK, rec.keep(VALUES, values_BHSE, W_UV=W_UV, latent=latent_BSA)

    def place(q_BHTK: Tensor, k_BHSK: Tensor, rec: Recorder) -> tuple[Tensor, Tensor]:
        pair_K, half = pairs(q_BHTK, "interleaved")
        nope = 2 * half - rope
        power_K = (pair_K - nope // 2) / max(rope // 2, 1)
        frequency_K = (BASE**-power_K).where(pair_K >= nope // 2, 0)
        frequency_BK = frequency_K.expand(len(q_BHTK), -1)
        facts = {"nope": nope, "half": rope // 2, "base": BASE}
        frequency_BK = rec.keep(FREQUENCY, frequency_BK, None, **facts)
        return rotate(q_BHTK, k_BHSK, frequency_BK, "interleaved", rec)

    return Parts(share=share, place=place)


def wide(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Normal numbers for a product over the last two axes that keeps a vector's size."""
    return normal(shape, generator) * shape[-2] ** -0.5


VARIANT = Variant(
    name="mla",
    title={"en": "Multi-head latent attention (MLA)", "zh": "多头潜在注意力（MLA）"},
    words={
        "en": "Keys and values of all heads are unpacked from one short vector for each token: the "
        "cache keeps that vector only, and yet every head has keys of its own.",
        "zh": "所有头的键和值都从每个词元的一个短向量展开：缓存只存这个向量，各头仍有自己的键。",
    },
    paper="DeepSeek-AI 2024, arXiv:2405.04434",
    formula=r"c_s = \mathrm{rms}(W_{DKV} x_s), \quad k_s = [W_{UK} c_s;\, R_s W_{KR} x_s], \quad "
    r"v_s = W_{UV} c_s",
    parts=mla,
    oracle=Oracle(package="transformers", call="DeepseekV3Attention", error=1e-6),
    properties=Properties(placed=True, mixes_heads=True),
    parameters={
        "rank": Parameter(
            default="maximum(1, G * K // 4)",
            low=1,
            high="G * K",
            unit="dimensions",
            whole=True,
            meaning={"en": "numbers that are cached of a token", "zh": "每个词元缓存的数的个数"},
        ),
        "rope": Parameter(
            default="2 * (K // 4)",
            low=0,
            high="K",
            unit="dimensions",
            whole=True,
            meaning={"en": "dimensions that turn with the place", "zh": "随位置旋转的维度数"},
        ),
    },
    weights={
        "W_DKV": Weight(
            axes="rank G K",
            start=wide,
            meaning={"en": "presses a token into the latent vector", "zh": "把词元压成潜在向量"},
        ),
        "W_UK": Weight(
            axes="H K rank", meaning={"en": "unpacks the heads' keys", "zh": "展开各头的键"}
        ),
        "W_UV": Weight(
            axes="H E rank", meaning={"en": "unpacks the heads' values", "zh": "展开各头的值"}
        ),
        "W_KR": Weight(
            axes="K G K",
            start=wide,
            meaning={"en": "makes the shared key that is turned", "zh": "生成共用的旋转键"},
        ),
    },
    cost=Cost(
        width="rank + rope",
        extra="2 * S * (G * K * (rank + rope) + H * rank * (K - rope + E))",
    ),
)
