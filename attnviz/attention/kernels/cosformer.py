"""cosFormer: ReLU features, reweighted by a cosine of the distance, so that near keys count more.

Qin et al. 2022, arXiv:2202.08791: relu(q) relu(k) cos(pi (t - s) / (2 M)), split into products of
cosines and of sines, each with a sum over the keys of its own. M is the longest text there may be
(`length`; a longer one's own length, or the cosine would be negative). The last query stands at the
last key. There is no scale: a row's sum divides it out. A row whose products are all 0 gives zeros.
Causal where the mask is.
"""

import math

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.kernels.features import summed
from attnviz.attention.kernels.hidden import zeroed
from attnviz.attention.kernels.mask import visible
from attnviz.attention.parameter import Parameter
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Properties, Variant
from attnviz.recorder import Recorder, Step

PHI_Q = Step(
    "phi_q",
    "H T R",
    r"\phi(q_t) = [\mathrm{relu}(q_t) \cos \tfrac{\pi t}{2M}; "
    r"\mathrm{relu}(q_t) \sin \tfrac{\pi t}{2M}]",
    "relu(q[h, t, r % width]) * where(r < width, cos(turn * (t + past)), sin(turn * (t + past)))",
    words={
        "en": (
            "Features of the queries",
            "The positive part, once times the cosine of the place and once times its sine.",
        ),
        "zh": ("查询的特征", "取正部，再分别乘以位置的余弦和正弦。"),
    },
)
PHI_K = Step(
    "phi_k",
    "H S R",
    r"\phi(k_s) = [\mathrm{relu}(k_s) \cos \tfrac{\pi s}{2M}; "
    r"\mathrm{relu}(k_s) \sin \tfrac{\pi s}{2M}]",
    "relu(k[h // n_sharing, s, r % width]) * where(r < width, cos(turn * s), sin(turn * s))",
    words={
        "en": (
            "Features of the keys",
            "A product with a query's features holds the cosine of the distance.",
        ),
        "zh": ("键的特征", "与查询特征相乘后，就得到距离的余弦。"),
    },
)


def featured(x_BHTK: Tensor, turn: float, first: int) -> Tensor:
    """The positive part, times the cosine and times the sine of `turn` x place, BHTR; the first
    token stands at the place `first`."""
    place_T1 = torch.arange(x_BHTK.shape[2], device=x_BHTK.device)[:, None] + first
    angle_T1 = turn * place_T1.to(x_BHTK.dtype)
    x_BHTK = x_BHTK.relu()
    return torch.cat((x_BHTK * angle_T1.cos(), x_BHTK * angle_T1.sin()), dim=-1)


def cosformer(length: int) -> Parts:
    """A path for texts of `length` tokens; a longer one counts as long as it is."""

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        (h, t, width), s = q_BHTK.shape[1:], k_BGSK.shape[2]
        k_BGSK, turn = zeroed(k_BGSK, q_BHTK, allowed, rec), math.pi / (2 * max(length, t, s))
        phi_q_BHTR = featured(q_BHTK, turn, s - t)
        phi_q_BHTR = rec.keep(PHI_Q, phi_q_BHTR, q=q_BHTK, width=width, turn=turn, past=s - t)
        phi_k_BHSR, n_sharing = featured(shared(k_BGSK, q_BHTK), turn, 0), h // k_BGSK.shape[1]
        phi_k_BHSR = rec.keep(
            PHI_K, phi_k_BHSR, k=k_BGSK, width=width, turn=turn, n_sharing=n_sharing
        )
        return summed(phi_q_BHTR, phi_k_BHSR, v_BGSE, visible(allowed)[0], rec)

    return Parts(whole=whole)


VARIANT = Variant(
    name="cosformer",
    title={"en": "cosFormer", "zh": "cosFormer（余弦重加权）"},
    words={
        "en": "Linear attention that keeps two things of softmax: no weight is negative, and near "
        "keys count more, by a cosine of the distance.",
        "zh": "保留 Softmax 两个特点的线性注意力：权重非负，且按距离的余弦让近处的键更重要。",
    },
    paper="Qin et al. 2022, arXiv:2202.08791",
    formula=r"A_{ts} \propto \mathrm{relu}(q_t)^\top \mathrm{relu}(k_s) "
    r"\cos \frac{\pi (t - s)}{2M}",
    parts=cosformer,
    oracle=Oracle(call="nested loops over the paper's definition", error=1e-13),
    properties=Properties(placed=True, sparse=True),
    parameters={
        "length": Parameter(
            default="C",
            low=1,
            high=1_000_000,
            unit="tokens",
            whole=True,
            log=True,
            meaning={
                "en": "the longest text there may be: at this distance a weight reaches 0",
                "zh": "允许的最长文本：距离达到此值时权重为 0",
            },
        )
    },
    cost=Cost(
        operations="H * 4 * K * (S * (E + 1) + T * (E + 1))",
        numbers="H * 2 * K * (E + 1)",
        tokens="1",
        width="H * 2 * K * (E + 1)",
    ),
)
