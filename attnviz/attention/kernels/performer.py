"""Performer (FAVOR+): random positive features whose products are softmax's exponentials on
average.

Choromanski et al. 2020, arXiv:2009.14794, lemma 1: exp(q k) is the mean over w of
exp(w q - |q|^2 / 2) exp(w k - |k|^2 / 2). Queries and keys are divided by d^(1/4) first. The
directions w are orthogonal in blocks of the head width, each as long as a normal vector, and every
one is as likely as any other (a plain QR decomposition favours some, which a sign mends); all heads
share them. The largest exponent of a query, and that of all keys of a head, is taken off, which the
division by the row's sum undoes; nothing is added to a feature (packages add 1e-4). With vectors as
long as those of a model, single weights are far from softmax's even with thousands of features: the
mean is taken of numbers as unlike as exp(|q + k|^2 / sqrt(d)). Causal where the mask is.
"""

import torch
from torch import Tensor

from attnviz.attention.cost import Cost
from attnviz.attention.kernels.features import summed
from attnviz.attention.kernels.hidden import hidden
from attnviz.attention.kernels.mask import visible
from attnviz.attention.parameter import Parameter, Weight
from attnviz.attention.parts import Parts, shared
from attnviz.attention.variant import Limit, Oracle, Variant
from attnviz.recorder import Recorder, Step

EXPONENT_Q = Step(
    "exponent_q",
    "H T R",
    r"\omega_r^\top q'_t - \lVert q'_t \rVert^2 / 2, \quad q' = q / d^{1/4}",
    "sum(k, omega[r, k] * q[h, t, k]) / width ** 0.25 - "
    "sum(k, q[h, t, k] ** 2) / (2 * sqrt(width))",
    words={
        "en": ("Queries along random directions", "Less half the square of the query's length."),
        "zh": ("查询在随机方向上的投影", "再减去查询长度平方的一半。"),
    },
)
EXPONENT_K = Step(
    "exponent_k",
    "H S R",
    r"\omega_r^\top k'_s - \lVert k'_s \rVert^2 / 2, \quad k' = k / d^{1/4}",
    "sum(k, omega[r, k] * k[h // n_sharing, s, k]) / width ** 0.25 - "
    "sum(k, k[h // n_sharing, s, k] ** 2) / (2 * sqrt(width))",
    words={
        "en": ("Keys along random directions", "Less half the square of the key's length."),
        "zh": ("键在随机方向上的投影", "再减去键长度平方的一半。"),
    },
)
HIDDEN = Step(
    "hidden",
    "H S R",
    r"-\infty \text{ where hidden}",
    "where(allowed[h, last, s], exponent[h, s, r], -inf)",
    words={
        "en": ("Keys left out", "−∞ where the mask hides a key, so that its features are 0."),
        "zh": ("去掉的键", "被掩码隐藏的键取 −∞，其特征即为 0。"),
    },
)
PHI_Q = Step(
    "phi_q",
    "H T R",
    r"\phi(q_t) = \frac{1}{\sqrt{m}} \exp(\omega_r^\top q'_t - \lVert q'_t \rVert^2 / 2 - c_t)",
    "exp(exponent[h, t, r] - max(i, exponent[h, t, i])) / sqrt(features)",
    kind="weight",
    words={
        "en": ("Features of the queries", "Random, but always positive."),
        "zh": ("查询的特征", "随机得到，但总为正数。"),
    },
)
PHI_K = Step(
    "phi_k",
    "H S R",
    r"\phi(k_s) = \frac{1}{\sqrt{m}} \exp(\omega_r^\top k'_s - \lVert k'_s \rVert^2 / 2 - c)",
    "exp(exponent[h, s, r] - max(l, i, exponent[h, l, i])) / sqrt(features)",
    kind="weight",
    words={
        "en": ("Features of the keys", "Their products with a query's are exp(q k) on average."),
        "zh": ("键的特征", "与查询特征的内积，平均而言等于 exp(q·k)。"),
    },
)


def orthogonal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random directions, orthogonal in blocks of their width, as long as normal vectors."""
    n_rows, width = shape
    n_blocks = -(-n_rows // width)
    blocks = torch.randn(n_blocks, width, width, dtype=torch.float64, generator=generator)
    lengths = torch.randn(shape, dtype=torch.float64, generator=generator).norm(dim=1)
    rotation, corner = torch.linalg.qr(blocks)
    rotation = rotation * corner.diagonal(dim1=-2, dim2=-1).sign()[:, None]
    return rotation.mT.flatten(0, 1)[:n_rows] * lengths[:, None]


def performer(features: int, omega: Tensor) -> Parts:
    """A path with the positive features of the directions `omega` (features x K)."""

    def exponents(x_BHTK: Tensor) -> Tensor:
        x_BHTK = x_BHTK / x_BHTK.shape[-1] ** 0.25
        omega_KR = omega.mT if omega.ndim == 2 else omega.mT[:, None]
        return x_BHTK @ omega_KR - x_BHTK.square().sum(-1, keepdim=True) / 2

    def whole(
        q_BHTK: Tensor, k_BGSK: Tensor, v_BGSE: Tensor, allowed: Tensor | None, rec: Recorder
    ) -> Tensor:
        (h, t, width), hidden_BHS = q_BHTK.shape[1:], hidden(allowed)
        q_BHTR, k_BHSR = exponents(q_BHTK), exponents(shared(k_BGSK, q_BHTK))
        q_BHTR = rec.keep(EXPONENT_Q, q_BHTR, omega=omega, q=q_BHTK, width=width)
        k_BHSR = rec.keep(
            EXPONENT_K, k_BHSR, omega=omega, k=k_BGSK, width=width, n_sharing=h // k_BGSK.shape[1]
        )
        if hidden_BHS is not None:
            left_BHSR = k_BHSR.masked_fill(hidden_BHS[..., None], -torch.inf)
            k_BHSR = rec.keep(HIDDEN, left_BHSR, exponent=k_BHSR, allowed=allowed, last=t - 1)
        most_BH11 = k_BHSR.amax((2, 3), keepdim=True).clamp_min(torch.finfo(k_BHSR.dtype).min)
        phi_q_BHTR = torch.exp(q_BHTR - q_BHTR.amax(-1, keepdim=True)) / features**0.5
        phi_q_BHTR = rec.keep(PHI_Q, phi_q_BHTR, exponent=q_BHTR, features=features)
        phi_k_BHSR = torch.exp(k_BHSR - most_BH11) / features**0.5
        phi_k_BHSR = rec.keep(PHI_K, phi_k_BHSR, exponent=k_BHSR, features=features)
        return summed(phi_q_BHTR, phi_k_BHSR, v_BGSE, visible(allowed)[0], rec)

    return Parts(whole=whole)


VARIANT = Variant(
    name="performer",
    title={"en": "Performer (FAVOR+)", "zh": "Performer（FAVOR+）"},
    words={
        "en": "Random positive features stand in for softmax's exponential: the more of them, the "
        "nearer the weights come to softmax, at a cost that grows with the text only.",
        "zh": "用随机的正特征代替 Softmax 的指数：特征越多，权重越接近 Softmax，"
        "而开销只随文本长度线性增长。",
    },
    paper="Choromanski et al. 2020, arXiv:2009.14794",
    formula=r"A_{ts} \propto \phi(q_t)^\top \phi(k_s), \quad "
    r"\phi(x) = \frac{1}{\sqrt{m}} e^{\Omega x' - \lVert x' \rVert^2 / 2}, \quad x' = x / d^{1/4}",
    parts=performer,
    oracle=Oracle(
        package="performer-pytorch", call="softmax_kernel(eps=0), linear_attention", error=1e-13
    ),
    parameters={
        "features": Parameter(
            default="maximum(1, floor(K * log(K)))",
            low=1,
            high=16384,
            unit="features",
            whole=True,
            log=True,
            meaning={"en": "how many random directions", "zh": "随机方向的数目"},
        )
    },
    weights={
        "omega": Weight(
            axes="features K",
            meaning={"en": "the random directions", "zh": "随机方向"},
            start=orthogonal,
        )
    },
    cost=Cost(
        operations="H * 2 * features * (S * (K + E + 1) + T * (K + E + 1))",
        numbers="H * features * (E + 1)",
        tokens="1",
        width="H * features * (E + 1)",
    ),
    limits=(Limit(given={"features": 16_384}, equals="softmax", error=0.5),),
)
