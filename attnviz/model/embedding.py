"""From ids to vectors and back: one matrix embeds tokens and, transposed, scores the vocabulary.

Tied weights after Press, Wolf 2017, arXiv:1608.05859; scaling by sqrt(d_model) and sinusoidal
positions after Vaswani et al. 2017, arXiv:1706.03762, sections 3.4 and 3.5.
"""

import math

import torch
from torch import Tensor, nn

from attnviz.config import ModelConfig
from attnviz.trace import SILENT, Recorder, Step

TOKEN = Step("token", "T D", r"\sqrt{d_{\mathrm{model}}}\; W_E[x_t]")
POSITION = Step("position", "T D", r"P_t")
SUM = Step("sum", "T D", r"\sqrt{d_{\mathrm{model}}}\; W_E[x_t] + P_t")


class Embedding(nn.Module):
    """Token embedding W_E (V D) plus a position vector; `unembed` multiplies by its transpose."""

    positions: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(config.d_vocab, config.d_model) * config.d_model**-0.5)
        if config.position == "learned":
            self.positions = nn.Parameter(torch.randn(config.n_ctx, config.d_model) * 0.02)
        else:
            table = sinusoid(config.n_ctx, config.d_model)
            self.register_buffer("positions", table, persistent=False)

    def forward(self, ids_BT: Tensor, start: int = 0, rec: Recorder = SILENT) -> Tensor:
        """Vectors BTD of tokens that stand at `start`, `start` + 1, ... Raises ValueError past
        n_ctx."""
        end = start + ids_BT.shape[1]
        if end > self.positions.shape[0]:
            raise ValueError(f"{end} tokens, but the model has {self.positions.shape[0]} positions")
        token_BTD = rec.keep(TOKEN, self.W_E[ids_BT] * math.sqrt(self.W_E.shape[1]))
        position_BTD = rec.keep(POSITION, self.positions[start:end].expand_as(token_BTD))
        return rec.keep(SUM, token_BTD + position_BTD)

    def unembed(self, x_BTD: Tensor) -> Tensor:
        """Logits BTV = x W_E^T."""
        return nn.functional.linear(x_BTD, self.W_E)


def sinusoid(n_ctx: int, d_model: int) -> Tensor:
    """Positions TD: sine in even columns, cosine in odd ones, wavelengths from 2 pi to 10000 * 2
    pi."""
    rate = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angle = torch.arange(n_ctx)[:, None] * rate
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
