"""Attention pooling: learned queries, the slots, read all tokens and leave a fixed number of
vectors.

The article's four steps: encode, score every token against a query, weigh, aggregate. One slot as
in Lin et al. 2017, arXiv:1703.03130, and Yang et al. 2016 (hierarchical attention networks);
several as the seeds of Lee et al. 2019, arXiv:1810.00825.
"""

import torch
from torch import Tensor, nn

from attnviz.attention.core import STANDARD, Attention
from attnviz.attention.parts import Parts
from attnviz.config import ModelConfig
from attnviz.model.norm import norm
from attnviz.recorder import SILENT, Recorder, Step

QUERIES = Step("queries", "T D", r"u_t \text{ (learned)}", "u[t, d]")
POOLED = Step("pooled", "T D", r"u + \mathrm{Attention}(u, X)", "queries[t, d] + out[t, d]")


class Pool(nn.Module):
    """`n_slots` learned queries that look at the encoder's output; what they read is added to them
    and normalised."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        sizes = (config.d_model, config.n_heads, config.n_kv_heads, config.d_head)
        self.queries = nn.Parameter(torch.randn(config.n_slots, config.d_model) * 0.5)
        self.attention = Attention(*sizes)
        self.norm = norm(config.norm, config.d_model)

    def forward(
        self,
        memory_BSD: Tensor,
        allowed: Tensor | None = None,
        rec: Recorder = SILENT,
        parts: Parts = STANDARD,
    ) -> Tensor:
        """One vector a slot, BTD with T slots."""
        at = rec.at(0)
        queries_BTD = self.queries.expand(len(memory_BSD), -1, -1)
        queries_BTD = at.keep(QUERIES, queries_BTD, u=self.queries)
        out_BTD = self.attention(queries_BTD, memory_BSD, allowed, parts, at.at("cross"))
        pooled_BTD = at.keep(POOLED, queries_BTD + out_BTD, queries=queries_BTD, out=out_BTD)
        return self.norm(pooled_BTD, rec)
