"""Based: the exponential of softmax by the first three terms of its series, which are products of
features.

Arora et al. 2024, arXiv:2402.18668: 1 + s + s^2 / 2 with s = q k / sqrt(d), never below
1/2. The features of x are 1, x / d^(1/4) and all products of two / sqrt(2 d): 1 + d + d^2 of them.
The paper first maps queries and keys to 16 dimensions, which is left out here, as are the sliding
window and the convolution that it puts beside it. No small number is added to a row's sum (the
authors' code adds one). Causal where the mask is.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.kernels.features import summed
from attnviz.attention.kernels.hidden import hidden
from attnviz.attention.kernels.mask import visible
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Oracle, Variant
from attnviz.recorder import Recorder, Step

_SERIES = (
    "where(r == 0, 1, where(r <= width, {x}(r - 1) % width] / width ** 0.25, "
    "{x}(r - 1 - width) // width % width] * {x}(r - 1 - width) % width] / sqrt(2 * width)))"
)
PHI_Q = Step(
    "phi_q",
    "H T R",
    r"\phi(q_t) = [1; q_t / d^{1/4}; q_t \otimes q_t / \sqrt{2 d}]",
    _SERIES.format(x="q[h, t, "),
    words={
        "en": (
            "Features of the queries",
            "A 1, the query itself, and all products of two of its numbers.",
        ),
        "zh": ("查询的特征", "一个 1、查询本身，以及其任意两个分量的乘积。"),
    },
)
PHI_K = Step(
    "phi_k",
    "H S R",
    r"\phi(k_s) = [1; k_s / d^{1/4}; k_s \otimes k_s / \sqrt{2 d}]",
    _SERIES.format(x="k[h // n_sharing, s, "),
    words={
        "en": ("Features of the keys", "Their product with a query's is 1 + s + s²/2."),
        "zh": ("键的特征", "与查询特征的内积等于 1 + s + s²/2。"),
    },
)
HIDDEN = Step(
    "hidden",
    "H S R",
    r"\phi(k_s) = 0 \text{ where hidden}",
    "phi_k[h, s, r] * allowed[h, last, s]",
    words={
        "en": ("Keys left out", "Features are 0 where the mask hides a key."),
        "zh": ("去掉的键", "掩码隐藏的键，特征为 0。"),
    },
)


def series(x_BHTK: Tensor) -> Tensor:
    """The features BHTR, R = 1 + K + K^2, whose products are 1 + s + s^2 / 2."""
    width = x_BHTK.shape[-1]
    pairs_BHTR = (x_BHTK[..., :, None] * x_BHTK[..., None, :]).flatten(-2) / (2 * width) ** 0.5
    return torch.cat((torch.ones_like(x_BHTK[..., :1]), x_BHTK / width**0.25, pairs_BHTR), dim=-1)


def based(
    q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
) -> Tensor:
    """z BHTE from the sums of the series' features; causal where the mask is."""
    (h, t, width), hidden_BHS = q_BHTK.shape[1:], hidden(allowed)
    phi_q_BHTR = rec.keep(PHI_Q, series(q_BHTK), q=q_BHTK, width=width)
    phi_k_BHSR, n_sharing = series(shared(k_BGSK, q_BHTK)), h // k_BGSK.shape[1]
    phi_k_BHSR = rec.keep(PHI_K, phi_k_BHSR, k=k_BGSK, width=width, n_sharing=n_sharing)
    if hidden_BHS is not None:
        left_BHSR = phi_k_BHSR * ~hidden_BHS[..., None]
        phi_k_BHSR = rec.keep(HIDDEN, left_BHSR, phi_k=phi_k_BHSR, allowed=allowed, last=t - 1)
    return summed(phi_q_BHTR, phi_k_BHSR, v_BGSE, visible(allowed)[0], rec)


VARIANT = Variant(
    name="based",
    title={"en": "Based (Taylor series)", "zh": "Based（泰勒展开）"},
    words={
        "en": "Softmax's exponential is cut off after three terms of its series, which can be "
        "summed over the keys once: small scores weigh as with softmax, large ones less.",
        "zh": "把 Softmax 的指数截断为级数的前三项，从而只需对键求和一次：小分数的权重与 Softmax "
        "相近，大分数的权重更小。",
    },
    paper="Arora et al. 2024, arXiv:2402.18668",
    formula=r"A_{ts} \propto 1 + s_{ts} + \tfrac{1}{2} s_{ts}^2, \quad "
    r"s_{ts} = q_t^\top k_s / \sqrt{d}",
    parts=Parts(whole=based),
    oracle=Oracle(package="fla-core", call="ops.based.naive.naive_parallel_based", error=1e-13),
    cost=Cost(
        operations="H * 2 * (1 + K + K * K) * (S * (E + 1) + T * (E + 1))",
        numbers="H * (1 + K + K * K) * (E + 1)",
        tokens="1",
        width="H * (1 + K + K * K) * (E + 1)",
    ),
)
