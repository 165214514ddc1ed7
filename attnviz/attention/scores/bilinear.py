"""Bilinear score ("general"): a matrix says which dimensions of query and key are compared.

Luong, Pham, Manning 2015, arXiv:1508.04025, "general".
"""

import torch
from torch import Tensor

from attnviz.attention.variant import Score, shared
from attnviz.recorder import Recorder, Step

BILINEAR = Step(
    "bilinear",
    "H T S",
    r"S_{ts} = k_s^\top M q_t",
    "sum(j, k, k[h // n_sharing, s, j] * M[j, k] * q[h, t, k])",
)


def bilinear(M_JK: Tensor) -> Score:
    """The score with the matrix M (key width x query width)."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        keys_BHSJ = shared(k_BGSK, q_BHTK)
        scores_BHTS = torch.einsum("bhsj,jk,bhtk->bhts", keys_BHSJ, M_JK, q_BHTK)
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        return rec.keep(BILINEAR, scores_BHTS, q=q_BHTK, k=k_BGSK, M=M_JK, n_sharing=n_sharing)

    return score
