"""The key/value cache of step-by-step decoding: what was computed for earlier tokens is kept.

Passed as an argument and owned by the caller; the model keeps nothing.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Growing:
    """The past of one attention: each call adds the new tokens' keys and values."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def extend(self, k_BGSK: Tensor, v_BGSE: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values so far, the new ones last."""
        if self.k is not None and self.v is not None:
            k_BGSK = torch.cat((self.k, k_BGSK), dim=2)
            v_BGSE = torch.cat((self.v, v_BGSE), dim=2)
        self.k, self.v = k_BGSK, v_BGSE
        return k_BGSK, v_BGSE


class Cache:
    """What every decoder layer keeps of the tokens it has read, `layers`, and how many they are."""

    def __init__(self, layers: Sequence[tuple[Any, Growing]]) -> None:
        self.layers = layers
        self.length = 0
