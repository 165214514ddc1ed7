"""What a path that sums over the keys can make of a mask: it may leave out keys, for every query
alike, and it may stop at the query's own place; nothing else."""

import torch
from torch import Tensor

from attnviz.error import InputError


def visible(allowed_BHTS: Tensor | None) -> tuple[bool, Tensor | None]:
    """Whether a mask is causal (the last query stands at the last key), and which keys BHS it lets
    be seen at all; None is every key. Raises InputError for any other mask."""
    if allowed_BHTS is None:
        return False, None
    t, s = allowed_BHTS.shape[-2:]
    keys_BHS = allowed_BHTS[..., -1, :]
    if (allowed_BHTS == keys_BHS[..., None, :]).all():
        return False, keys_BHS
    past_TS = torch.ones(t, s, dtype=torch.bool, device=allowed_BHTS.device).tril(s - t)
    if (allowed_BHTS == keys_BHS[..., None, :] & past_TS).all():
        return True, keys_BHS
    message = "a sum over the keys can stop at the query's place or leave out keys for every query"
    raise InputError("kernel_mask", f"{message}; this mask does neither")
