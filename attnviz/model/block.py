"""One layer: what mixes its own tokens, cross-attention where there is a memory, and the MLP.

Self-attention makes it a Transformer block; a recurrence or a convolution in its place makes the
encoders and decoders that attention was first put on.

Each sublayer reads the residual stream and adds to it; the norm stands before the sublayer
(pre-norm, Xiong et al. 2020, arXiv:2002.04745) or after the addition (post-norm, Vaswani et al.
2017, arXiv:1706.03762).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from attnviz.attention.core import STANDARD, Attention
from attnviz.attention.core import Past as Keys
from attnviz.attention.parts import Parts
from attnviz.config import ModelConfig
from attnviz.model.cache import Growing
from attnviz.model.convolution import Convolution
from attnviz.model.mlp import MLP
from attnviz.model.norm import norm
from attnviz.model.recurrence import Past, Recurrence
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


MIXER = {"transformer": "self", "lstm": "lstm", "gru": "gru", "cnn": "cnn"}
"""What stands in the path where the layer mixes its own tokens, by the model's body."""
RESID_MID = {
    "transformer": _after("resid_mid", "SelfAttention"),
    "lstm": _after("resid_mid", "LSTM"),
    "gru": _after("resid_mid", "GRU"),
    "cnn": _after("resid_mid", "CNN"),
}
RESID_CROSS = _after("resid_cross", "CrossAttention")
RESID_POST = _after("resid_post", "MLP")


class Block(nn.Module):
    """`cross` adds the attention to the encoder's output (the memory), `onward` keeps a recurrence
    from reading backward."""

    def __init__(self, config: ModelConfig, *, cross: bool, onward: bool) -> None:
        super().__init__()
        sizes = (config.d_model, config.n_heads, config.n_kv_heads, config.d_head)
        self.body, self.norm_place = config.body, config.norm_place
        self.self_norm = norm(config.norm, config.d_model)
        if config.body == "transformer":
            self.self_attention = Attention(*sizes)
        elif config.body == "cnn":
            self.convolution = Convolution(config.d_model)
        else:
            self.recurrence = Recurrence(config.body, config.d_model, both_ways=not onward)
        self.cross_norm = norm(config.norm, config.d_model) if cross else None
        self.cross_attention = Attention(*sizes) if cross else None
        self.mlp_norm = norm(config.norm, config.d_model) if config.d_mlp else None
        self.mlp = MLP(config.d_model, config.d_mlp, config.activation) if config.d_mlp else None
        self.dropout = nn.Dropout(0.0)

    def past(self) -> tuple[Past | Growing, Growing]:
        """Room for what the layer keeps of the tokens it has read."""
        return (Growing() if self.body == "transformer" else Past()), Growing()

    def forward(
        self,
        x_BTD: Tensor,
        allowed: Tensor | None,
        memory_BSD: Tensor | None = None,
        memory_allowed: Tensor | None = None,
        parts: tuple[Parts, Parts] = (STANDARD, STANDARD),
        rec: Recorder = SILENT,
        past: tuple[Any, Keys | None] = (None, None),
    ) -> Tensor:
        """The residual stream after this block, BTD. `parts` and `past` are those of the layer's
        own mixing and of cross-attention."""

        def mix(h_BTD: Tensor, rec: Recorder) -> Tensor:
            return self._mix(h_BTD, allowed, parts[0], rec, past[0])

        def attend_cross(h_BTD: Tensor, rec: Recorder) -> Tensor:
            assert self.cross_attention is not None
            y_BSD, allowed = memory_BSD, memory_allowed
            return self.cross_attention(h_BTD, y_BSD, allowed, parts[1], rec, past[1])

        x_BTD = rec.keep(RESID_PRE, x_BTD, x=x_BTD)
        x_BTD = self._add(x_BTD, self.self_norm, mix, RESID_MID[self.body], rec, MIXER[self.body])
        if self.cross_attention is not None:
            x_BTD = self._add(x_BTD, self.cross_norm, attend_cross, RESID_CROSS, rec, "cross")
        if self.mlp is not None:
            x_BTD = self._add(x_BTD, self.mlp_norm, self.mlp, RESID_POST, rec, "mlp")
        return x_BTD

    def _mix(
        self, h_BTD: Tensor, allowed: Tensor | None, parts: Parts, rec: Recorder, past: Any
    ) -> Tensor:
        """What the layer's own tokens tell each other. `allowed` is the mask of the padding."""
        if self.body == "transformer":
            return self.self_attention(h_BTD, h_BTD, allowed, parts, rec, past)
        real_BT = None if allowed is None else allowed.flatten(1)
        if self.body == "cnn":
            return self.convolution(h_BTD, real_BT, rec)
        return self.recurrence(h_BTD, real_BT, rec, past)

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
