"""Additive score: query and key are added, squashed, and weighed by a vector.

Bahdanau, Cho, Bengio 2015, arXiv:1409.0473, section A.1.2, for queries and keys that are mapped
already.
"""

import torch
from torch import Tensor

from attnviz.attention.parts import Score, shared
from attnviz.recorder import Recorder, Step

ADDITIVE = Step(
    "additive",
    "H T S",
    r"S_{ts} = v^\top \tanh(k_s + q_t)",
    "sum(k, v[k] * tanh(k[h // n_sharing, s, k] + q[h, t, k]))",
)


def additive(v_K: Tensor) -> Score:
    """The score with the weight vector v (width of query and key)."""

    def score(q_BHTK: Tensor, k_BGSK: Tensor, rec: Recorder) -> Tensor:
        keys_BHSK = shared(k_BGSK, q_BHTK)
        hidden_BHTSK = torch.tanh(keys_BHSK[:, :, None] + q_BHTK[:, :, :, None])
        scores_BHTS = hidden_BHTSK @ v_K
        n_sharing = q_BHTK.shape[1] // k_BGSK.shape[1]
        return rec.keep(ADDITIVE, scores_BHTS, q=q_BHTK, k=k_BGSK, v=v_K, n_sharing=n_sharing)

    return score
