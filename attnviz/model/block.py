"""One Transformer block: self-attention, cross-attention where there is a memory, and the MLP.

Each sublayer reads the residual stream and adds to it; the norm stands before the sublayer
(pre-norm, Xiong et al. 2020, arXiv:2002.04745) or after the addition (post-norm, Vaswani et al.
2017, arXiv:1706.03762).
"""

from collections.abc import Callable

from torch import Tensor, nn

from attnviz.attention.core import STANDARD, Attention, Past
from attnviz.attention.parts import Parts
from attnviz.config import ModelConfig
from attnviz.model.mlp import MLP
from attnviz.model.norm import norm
from attnviz.recorder import SILENT, Recorder, Step

RESID_PRE = Step("resid_pre", "T D", r"x", "x[t, d]")
ADDED = Step("added", "T D", r"x + \mathrm{out}", "x[t, d] + out[t, d]")


def _after(name: str, sublayer: str) -> dict[str, Step]:
    """The stream after a sublayer, by the place of the norm."""
    pre = rf"x + \mathrm{{{sublayer}}}(\mathrm{{norm}}(x))"
    post = rf"\mathrm{{norm}}(x + \mathrm{{{sublayer}}}(x))"
    return {
        "pre": Step(name, "T D", pre, "x[t, d] + out[t, d]"),
        "post": Step(name, "T D", post, "norm[t, d]"),
    }


RESID_MID = _after("resid_mid", "SelfAttention")
RESID_CROSS = _after("resid_cross", "CrossAttention")
RESID_POST = _after("resid_post", "MLP")


class Block(nn.Module):
    """`cross` adds the attention to the encoder's output (the memory)."""

    def __init__(self, config: ModelConfig, *, cross: bool) -> None:
        super().__init__()
        sizes = (config.d_model, config.n_heads, config.n_kv_heads, config.d_head)
        self.norm_place = config.norm_place
        self.self_norm = norm(config.norm, config.d_model)
        self.self_attention = Attention(*sizes)
        self.cross_norm = norm(config.norm, config.d_model) if cross else None
        self.cross_attention = Attention(*sizes) if cross else None
        self.mlp_norm = norm(config.norm, config.d_model)
        self.mlp = MLP(config.d_model, config.d_mlp, config.activation)
        self.dropout = nn.Dropout(0.0)

    def forward(
        self,
        x_BTD: Tensor,
        allowed: Tensor | None,
        memory_BSD: Tensor | None = None,
        memory_allowed: Tensor | None = None,
        parts: tuple[Parts, Parts] = (STANDARD, STANDARD),
        rec: Recorder = SILENT,
        past: tuple[Past | None, Past | None] = (None, None),
    ) -> Tensor:
        """The residual stream after this block, BTD. `parts` and `past` are self-attention's and
        cross-attention's."""

        def attend_self(h_BTD: Tensor, rec: Recorder) -> Tensor:
            return self.self_attention(h_BTD, h_BTD, allowed, parts[0], rec, past[0])

        def attend_cross(h_BTD: Tensor, rec: Recorder) -> Tensor:
            assert self.cross_attention is not None
            y_BSD, allowed = memory_BSD, memory_allowed
            return self.cross_attention(h_BTD, y_BSD, allowed, parts[1], rec, past[1])

        x_BTD = rec.keep(RESID_PRE, x_BTD, x=x_BTD)
        x_BTD = self._add(x_BTD, self.self_norm, attend_self, RESID_MID, rec, "self")
        if self.cross_attention is not None:
            x_BTD = self._add(x_BTD, self.cross_norm, attend_cross, RESID_CROSS, rec, "cross")
        return self._add(x_BTD, self.mlp_norm, self.mlp, RESID_POST, rec, "mlp")

    def _add(
        self,
        x_BTD: Tensor,
        norm: nn.Module | None,
        sublayer: Callable[[Tensor, Recorder], Tensor],
        after: dict[str, Step],
        rec: Recorder,
        name: str,
    ) -> Tensor:
        """The stream with what the sublayer makes of it; recorded as `after`."""
        assert norm is not None
        inner, step = rec.at(name), after[self.norm_place]
        if self.norm_place == "pre":
            out_BTD = self.dropout(sublayer(norm(x_BTD, inner), inner))
            return rec.keep(step, x_BTD + out_BTD, x=x_BTD, out=out_BTD)
        out_BTD = self.dropout(sublayer(x_BTD, inner))
        added_BTD = inner.keep(ADDED, x_BTD + out_BTD, x=x_BTD, out=out_BTD)
        normed_BTD = norm(added_BTD, inner)
        return rec.keep(step, normed_BTD, norm=normed_BTD)
