"""Transformer-XL: content meets content, and the distance between query and key has a vector.

Dai et al. 2019, arXiv:1901.02860, section 3.3: the vector r of a distance is a projection of the
sinusoidal waves of that distance, and two learned vectors stand for the query wherever its own
place would count: u with the key, w (the paper's v) with the distance. The distance is
t - s, negative for keys after the query; the waves take turns, sine first. Both parts are divided
by sqrt(d_head).
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.parameter import Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.positions.relative import STRENGTH, ahead, picked, placed
from attnviz.attention.positions.sinusoidal import waves
from attnviz.attention.scores.dot import dot
from attnviz.attention.variant import Limit, Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

BASE = 10000.0
WAVES = Step(
    "waves",
    "C D",
    r"R_{n,2m} = \sin \frac{n}{b^{2m/D}}, \; R_{n,2m+1} = \cos \frac{n}{b^{2m/D}}",
    "where(d % 2, cos((c + nearest) / base ** ((d - d % 2) / width)),"
    " sin((c + nearest) / base ** ((d - d % 2) / width)))",
    words={
        "en": ("Waves of the distances", "Fixed waves for every distance, after to before."),
        "zh": ("各距离的波", "每种距离一个固定的波，从之后的键到之前的键。"),
    },
)
DISTANCES = Step(
    "distance_keys",
    "H C K",
    r"r_n = W_r R_n",
    "sum(d, W_r[h, k, d] * waves[c, d])",
    words={
        "en": ("Keys of the distances", "Each head makes a key of its own for every distance."),
        "zh": ("各距离的键", "每个头为每种距离生成自己的键。"),
    },
)
PLACE = Step(
    "place_score",
    "H T S",
    r"P_{ts} = u^\top k_s + (q_t + w)^\top r_{t-s}",
    "sum(k, u[h, k] * k[h // n_sharing, s, k]"
    " + (q[h, t, k] + w[h, k]) * distance_keys[h, t - s + last, k])",
    words={
        "en": (
            "What the places add",
            "What the key has for any query, and what the query has for the distance.",
        ),
        "zh": ("位置带来的分数", "键对任何查询的分数，加上查询对距离的分数。"),
    },
)


def transformer_xl(strength: float, u: Tensor, w: Tensor, W_r: Tensor) -> Parts:
    """Parts whose scores have the vectors `u` and `w` (H K) and `W_r` (H K D) in them."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        raw_BHTS = dot(q_BHTK, k_BGSK, rec)
        (b, _, t, d_head), s, width = q_BHTK.shape, k_BGSK.shape[2], W_r.shape[-1]
        waves_CD = waves(torch.arange(1 - t, s), width, BASE).to(q_BHTK)
        waves_BCD = rec.keep(
            WAVES, waves_CD.expand(b, -1, -1), nearest=1 - t, base=BASE, width=width
        )
        keys_BHCK = waves_BCD[:, None] @ W_r.mT
        keys_BHCK = rec.keep(DISTANCES, keys_BHCK, W_r=W_r, waves=waves_BCD)
        row_BTS = (t - 1 - ahead(raw_BHTS)).expand(b, -1, -1)
        far_BHTS = picked((q_BHTK + w[..., None, :]) @ keys_BHCK.mT, row_BTS)
        liked_BH1S = u[..., None, :] @ shared(k_BGSK, q_BHTK).mT
        place_BHTS = rec.keep(
            PLACE,
            liked_BH1S + far_BHTS,
            q=q_BHTK,
            k=k_BGSK,
            u=u,
            w=w,
            distance_keys=keys_BHCK,
            last=s - 1,
            n_sharing=q_BHTK.shape[1] // k_BGSK.shape[1],
        )
        return placed(raw_BHTS, place_BHTS, strength, d_head, rec)

    return Parts(score=score)


VARIANT = Variant(
    name="transformer_xl",
    title={"en": "Transformer-XL positions", "zh": "Transformer-XL 相对位置"},
    words={
        "en": "The score is split: what the query wants of the key, what every query wants of it, "
        "and what both say to the distance between them.",
        "zh": "分数被拆开：查询对键的需要、所有查询对该键的共同偏好，以及它们对距离的偏好。",
    },
    paper="Dai et al. 2019, arXiv:1901.02860",
    formula=r"S_{ts} = \frac{(q_t + u)^\top k_s + (q_t + w)^\top r_{t-s}}"
    r"{\sqrt{d_{\mathrm{head}}}}",
    parts=transformer_xl,
    oracle=Oracle(
        package="transformers", call="Wav2Vec2ConformerSelfAttention('relative')", error=1e-6
    ),
    properties=Properties(placed=True),
    parameters={"strength": STRENGTH},
    weights={
        "u": Weight(
            axes="H K",
            meaning={"en": "what every query wants of a key", "zh": "所有查询对键的共同偏好"},
        ),
        "w": Weight(
            axes="H K",
            meaning={"en": "what every query wants of a distance", "zh": "所有查询对距离的偏好"},
        ),
        "W_r": Weight(
            axes="H K D",
            meaning={"en": "makes keys of the distances' waves", "zh": "把距离的波变成键"},
        ),
    },
    cost=Cost(extra="2 * H * T * S * K"),
    limits=(Limit(given={"strength": 0.0}, equals="scaled_dot"),),
)
