"""Linear attention with features of any kind: the sums over the keys, read by every query, and the
matrix that they amount to."""

import torch
from torch import Tensor

from attnviz.attention.core import Z
from attnviz.attention.normalizers.softmax import PATTERN
from attnviz.attention.parts import shared
from attnviz.recorder import Recorder, Step

TOTAL = Step(
    "total",
    "H T 1",
    r"n_t = \phi(q_t)^\top \sum_s \phi(k_s)",
    "sum(r, phi_q[h, t, r] * sum(s, phi_k[h, s, r] * (s < t + seen)))",
    words={
        "en": ("The sum of the weights", "What each row is divided by, from the summed features."),
        "zh": ("权重之和", "由特征之和得到，每一行都除以它。"),
    },
)
PATTERN_FEATURES = Step(
    PATTERN.name,
    PATTERN.axes,
    r"A_{ts} = \phi(q_t)^\top \phi(k_s) / n_t",
    "where((s < t + seen) * (total[h, t] > 0), "
    "sum(r, phi_q[h, t, r] * phi_k[h, s, r]) / total[h, t], 0)",
    kind="weight",
    words={
        "en": (
            "The matrix it amounts to",
            "Never written down by this method: the weights that its sums stand for.",
        ),
        "zh": ("等效权重矩阵", "该方法从不真正写出它：这是其求和所对应的权重。"),
    },
)
Z_FEATURES = Step(
    Z.name,
    Z.axes,
    r"z_t = \frac{\phi(q_t)^\top \sum_s \phi(k_s) v_s^\top}{n_t}",
    "where(total[h, t] > 0, sum(r, phi_q[h, t, r] * sum(s, phi_k[h, s, r] * "
    "v[h // n_sharing, s, e] * (s < t + seen))) / total[h, t], 0)",
    words={
        "en": ("Read the sum", "Every query reads the one sum of keys and values."),
        "zh": ("读取总和", "每个查询都读取同一个键值总和。"),
    },
)


def summed(
    phi_q_BHTR: Tensor, phi_k_BHSR: Tensor, v_BGSE: Tensor, causal: bool, rec: Recorder
) -> Tensor:
    """z BHTE: the values by the products of features, each row divided by its sum. Records the
    total, the pattern and z. A row whose sum is 0 gives zeros."""
    t, s = phi_q_BHTR.shape[2], phi_k_BHSR.shape[2]
    seen = s - t + 1 if causal else s
    read = past_sums if causal else all_sums
    v_BHSE = shared(v_BGSE, phi_q_BHTR)
    total_BHT1 = read(phi_q_BHTR, phi_k_BHSR, torch.ones_like(v_BHSE[..., :1]))
    total_BHT1 = rec.keep(TOTAL, total_BHT1, phi_q=phi_q_BHTR, phi_k=phi_k_BHSR, seen=seen)
    some_BHT1 = total_BHT1 > torch.finfo(total_BHT1.dtype).tiny
    share_BHT1 = (1 / total_BHT1.where(some_BHT1, 1)).where(some_BHT1, 0)

    def pattern() -> Tensor:
        return (phi_q_BHTR @ phi_k_BHSR.mT * share_BHT1).tril(seen - 1)

    about = {"phi_q": phi_q_BHTR, "phi_k": phi_k_BHSR, "total": total_BHT1}
    rec.derive(PATTERN_FEATURES, pattern, **about, seen=seen)
    return rec.keep(
        Z_FEATURES,
        read(phi_q_BHTR, phi_k_BHSR, v_BHSE) * share_BHT1,
        phi_q=phi_q_BHTR,
        phi_k=phi_k_BHSR,
        total=total_BHT1,
        v=v_BGSE,
        n_sharing=phi_q_BHTR.shape[1] // v_BGSE.shape[1],
        seen=seen,
    )


def all_sums(phi_q_BHTR: Tensor, phi_k_BHSR: Tensor, v_BHSE: Tensor) -> Tensor:
    """phi(q) times the sum of phi(k) v^T over all keys, BHTE."""
    return phi_q_BHTR @ (phi_k_BHSR.mT @ v_BHSE)


def past_sums(phi_q_BHTR: Tensor, phi_k_BHSR: Tensor, v_BHSE: Tensor) -> Tensor:
    """phi(q) times the sum of phi(k) v^T over the keys up to the query's place, BHTE: the state of
    R x E numbers is read after each token."""
    t, s = phi_q_BHTR.shape[2], phi_k_BHSR.shape[2]
    state_BHRE = phi_k_BHSR.new_zeros(*phi_k_BHSR.shape[:2], phi_k_BHSR.shape[3], v_BHSE.shape[3])
    read: list[Tensor] = [state_BHRE.new_zeros(*state_BHRE.shape[:2], v_BHSE.shape[3])] * max(
        0, t - s
    )
    for place in range(s):
        state_BHRE = state_BHRE + phi_k_BHSR[:, :, place, :, None] * v_BHSE[:, :, place, None]
        if place >= s - t:
            read.append(torch.einsum("bhr,bhre->bhe", phi_q_BHTR[:, :, place - s + t], state_BHRE))
    return torch.stack(read, dim=2)
