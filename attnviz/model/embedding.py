"""From ids to vectors and back: one matrix embeds tokens and, transposed, scores the vocabulary.

Tied weights after Press, Wolf 2017, arXiv:1608.05859; scaling by sqrt(d_model) and sinusoidal
positions after Vaswani et al. 2017, arXiv:1706.03762, sections 3.4 and 3.5.
"""

import math

import torch
from torch import Tensor, nn

from attnviz.config import ModelConfig
from attnviz.recorder import SILENT, Recorder, Step

IDS = Step("ids", "T", r"x_t \in \{0, \dots, V - 1\}", kind="id")
TOKEN = Step(
    "token",
    "T D",
    r"E_t = \sqrt{d_{\mathrm{model}}}\; W_E[x_t]",
    "sqrt(d_model) * W_E[ids[t], d]",
)
WAVES = Step(
    "waves",
    "C D",
    r"\begin{aligned} P_{c,2i} &= \sin(c / 10000^{2i/D}) \\"
    r" P_{c,2i+1} &= \cos(c / 10000^{2i/D}) \end{aligned}",
    "where(d % 2 == 0, sin(c / 10000 ** (d / d_model)), cos(c / 10000 ** ((d - 1) / d_model)))",
)
LEARNED = Step("learned", "C D", r"P_c \text{ (learned)}", "P[c, d]")
POSITION = Step("position", "T D", r"P_t = \mathrm{table}_t", "table[t, d]")
SUM = Step("sum", "T D", r"\Sigma_t = E_t + P_t", "token[t, d] + position[t, d]")
TABLE = {"learned": LEARNED, "sinusoidal": WAVES}
"""Positions that are added; others are put into the queries and keys, or there are none."""


class Embedding(nn.Module):
    """Token embedding W_E (V D) plus a position vector where positions are added; `unembed`
    multiplies by its transpose."""

    positions: Tensor | None

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.W_E = nn.Parameter(torch.randn(config.d_vocab, config.d_model) * config.d_model**-0.5)
        self.n_ctx = config.n_ctx
        self.table = TABLE.get(config.position)
        if config.position == "learned":
            self.positions = nn.Parameter(torch.randn(config.n_ctx, config.d_model) * 0.02)
        else:
            waves = sinusoid(config.n_ctx, config.d_model) if self.table else None
            self.register_buffer("positions", waves, persistent=False)

    def forward(self, ids_BT: Tensor, start: int = 0, rec: Recorder = SILENT) -> Tensor:
        """Vectors BTD of tokens that stand at `start`, `start` + 1, ... Raises ValueError past
        n_ctx."""
        end = start + ids_BT.shape[1]
        if end > self.n_ctx:
            raise ValueError(f"{end} tokens, but the model has {self.n_ctx} positions")
        d_model = self.W_E.shape[1]
        ids_BT = rec.keep(IDS, ids_BT)
        token_BTD = rec.keep(
            TOKEN, self.W_E[ids_BT] * math.sqrt(d_model), W_E=self.W_E, ids=ids_BT, d_model=d_model
        )
        if self.table is None or self.positions is None:
            return token_BTD
        table_BCD = self.positions.expand(len(ids_BT), -1, -1)
        table_BCD = rec.keep(self.table, table_BCD, P=self.positions, d_model=d_model)
        position_BTD = rec.keep(POSITION, table_BCD[:, start:end], table=table_BCD)
        return rec.keep(SUM, token_BTD + position_BTD, token=token_BTD, position=position_BTD)

    def unembed(self, x_BTD: Tensor) -> Tensor:
        """Logits BTV = x W_E^T."""
        return nn.functional.linear(x_BTD, self.W_E)


def sinusoid(n_ctx: int, d_model: int, dtype: torch.dtype | None = None) -> Tensor:
    """Positions TD: sine in even columns, cosine in odd ones, wavelengths from 2 pi to 10000 * 2
    pi."""
    even = torch.arange(0, d_model, 2, dtype=torch.float64)
    angle = torch.arange(n_ctx)[:, None] / 10000.0 ** (even / d_model)
    wave = torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)
    return wave.to(dtype or torch.get_default_dtype())
