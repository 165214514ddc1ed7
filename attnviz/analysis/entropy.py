"""How spread out a row of attention is: Shannon entropy (Shannon 1948), in nats."""

import torch
from torch import Tensor


def entropy_HT(pattern_HTS: Tensor) -> Tensor:
    """Entropy HT of every row in nats; a weight of 0 adds nothing. Rows are distributions."""
    return torch.special.entr(pattern_HTS).sum(-1)


def relative_entropy_HT(pattern_HTS: Tensor, allowed_TS: Tensor) -> Tensor:
    """Entropy HT over log(number of allowed keys): 0 for one key alone, 1 for all alike.

    `allowed` (boolean, broadcasts to HTS) is True where attention may go. nan where fewer than two
    keys are allowed: such a row has no choice, and callers skip it.
    """
    n_keys_HT = allowed_TS.expand_as(pattern_HTS).sum(-1)
    most_HT = n_keys_HT.clamp_min(2).to(pattern_HTS.dtype).log()
    return torch.where(n_keys_HT < 2, torch.nan, entropy_HT(pattern_HTS) / most_HT)
