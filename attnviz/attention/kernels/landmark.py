"""Landmarks: the means of segments of the text, and the inverse of the matrix between them.

Xiong et al. 2021, arXiv:2102.03902.
"""

import torch
from torch import Tensor

from attnviz.recorder import Step

SEGMENT_Q = Step(
    "segment_q",
    "H T",
    r"\lfloor t m / T \rfloor",
    "t * landmarks // n_tokens",
    kind="id",
    words={
        "en": ("The query's segment", "The number of the part of the text it belongs to."),
        "zh": ("查询所属的段", "它属于文本的第几段。"),
    },
)


SEGMENT_K = Step(
    "segment_k",
    "H S",
    r"\lfloor s m / S \rfloor",
    "s * landmarks // n_tokens",
    kind="id",
    words={
        "en": ("The key's segment", "The number of the part of the text it belongs to."),
        "zh": ("键所属的段", "它属于文本的第几段。"),
    },
)


HIDDEN = Step(
    "hidden",
    "H S",
    r"-1 \text{ where hidden}",
    "where(allowed[h, last, s], segment[h, s], -1)",
    words={
        "en": ("Keys left out", "A key that the mask hides belongs to no segment (−1)."),
        "zh": ("去掉的键", "被掩码隐藏的键不属于任何段（记为 −1）。"),
    },
)


Q_LANDMARKS = Step(
    "q_landmarks",
    "H R K",
    r"\tilde q_r = \mathrm{mean}_{t \in r}(q_t)",
    "sum(t, where(segment_q[h, t] == r, q[h, t, k], 0)) / sum(t, segment_q[h, t] == r)",
    words={
        "en": ("Landmarks of the queries", "The mean query of each segment."),
        "zh": ("查询的地标", "每一段中查询的均值。"),
    },
)


K_LANDMARKS = Step(
    "k_landmarks",
    "H N K",
    r"\tilde k_n = \mathrm{mean}_{s \in n}(k_s)",
    "sum(s, where(segment_k[h, s] == n, k[h // n_sharing, s, k], 0)) / "
    "maximum(1, sum(s, segment_k[h, s] == n))",
    words={
        "en": ("Landmarks of the keys", "The mean key of each segment."),
        "zh": ("键的地标", "每一段中键的均值。"),
    },
)


def pseudo_inverse(core_BHRN: Tensor, rounds: int) -> Tensor:
    """BHNR, after so many rounds of the paper's iteration of the third order."""
    sums = core_BHRN.abs()
    most_BH11 = sums.sum(-2).amax(-1) * sums.sum(-1).amax(-1)
    smallest = torch.finfo(core_BHRN.dtype).tiny
    inverse_BHNR = core_BHRN.mT / most_BH11.clamp_min(smallest)[..., None, None]
    one_RR = torch.eye(core_BHRN.shape[-2]).to(core_BHRN)
    for _ in range(rounds):
        x_BHRR = core_BHRN @ inverse_BHNR
        inner_BHRR = 15 * one_RR - x_BHRR @ (7 * one_RR - x_BHRR)
        inverse_BHNR = inverse_BHNR @ (13 * one_RR - x_BHRR @ inner_BHRR) / 4
    return inverse_BHNR


def segments(x_BHTK: Tensor, n: int) -> Tensor:
    """The segment, out of `n`, of each token, BHT."""
    t = x_BHTK.shape[2]
    return (torch.arange(t, device=x_BHTK.device) * n // t).expand(x_BHTK.shape[:3])


def means(x_BHTK: Tensor, segment_BHT: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The mean BHNK of each segment, and which have a token, BHN."""
    number_N1 = torch.arange(n, device=x_BHTK.device)[:, None]
    member_BHNT = (segment_BHT[:, :, None] == number_N1).to(x_BHTK.dtype)
    size_BHN1 = member_BHNT.sum(-1, keepdim=True)
    return member_BHNT @ x_BHTK / size_BHN1.clamp_min(1), size_BHN1[..., 0] > 0
