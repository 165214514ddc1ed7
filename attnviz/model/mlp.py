"""The position-wise MLP: two linear maps with an activation between, the same at every token.

Vaswani et al. 2017, arXiv:1706.03762, equation 2.
"""

from torch import Tensor, nn

from attnviz.trace import SILENT, Recorder, Step

PRE = Step("pre", "T F", r"X W_{\mathrm{in}} + b_{\mathrm{in}}")
POST = Step("post", "T F", r"\phi(\text{pre})")
OUT = Step("out", "T D", r"\text{post}\, W_{\mathrm{out}} + b_{\mathrm{out}}")

_ACTIVATION = {"relu": nn.functional.relu, "gelu": nn.functional.gelu}


class MLP(nn.Module):
    """Linear D to F, `activation` ("relu" or "gelu", Hendrycks 2016), linear F to D."""

    def __init__(self, d_model: int, d_mlp: int, activation: str) -> None:
        super().__init__()
        self.linear_in = nn.Linear(d_model, d_mlp)
        self.linear_out = nn.Linear(d_mlp, d_model)
        self.activation = _ACTIVATION[activation]

    def forward(self, x_BTD: Tensor, rec: Recorder = SILENT) -> Tensor:
        pre_BTF = rec.keep(PRE, self.linear_in(x_BTD))
        post_BTF = rec.keep(POST, self.activation(pre_BTF))
        return rec.keep(OUT, self.linear_out(post_BTF))
