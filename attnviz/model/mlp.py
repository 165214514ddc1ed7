"""The position-wise MLP: two linear maps with an activation between, the same at every token.

Vaswani et al. 2017, arXiv:1706.03762, equation 2.
"""

from torch import Tensor, nn

from attnviz.recorder import SILENT, Recorder, Step

PRE = Step(
    "pre",
    "T F",
    r"X W_{\mathrm{in}} + b_{\mathrm{in}}",
    "sum(d, x[t, d] * W_in[f, d]) + b_in[f]",
)
POST = {
    "relu": Step("post", "T F", r"\max(0, \mathrm{pre})", "relu(pre[t, f])"),
    "gelu": Step(
        "post",
        "T F",
        r"\mathrm{pre} \cdot \Phi(\mathrm{pre})",
        "pre[t, f] * (1 + erf(pre[t, f] / sqrt(2))) / 2",
    ),
}
OUT = Step(
    "out",
    "T D",
    r"\mathrm{post}\, W_{\mathrm{out}} + b_{\mathrm{out}}",
    "sum(f, post[t, f] * W_out[d, f]) + b_out[d]",
)

_ACTIVATION = {"relu": nn.functional.relu, "gelu": nn.functional.gelu}


class MLP(nn.Module):
    """Linear D to F, `activation` ("relu" or "gelu", Hendrycks 2016), linear F to D."""

    def __init__(self, d_model: int, d_mlp: int, activation: str) -> None:
        super().__init__()
        self.linear_in = nn.Linear(d_model, d_mlp)
        self.linear_out = nn.Linear(d_mlp, d_model)
        self.activation = _ACTIVATION[activation]
        self.post = POST[activation]

    def forward(self, x_BTD: Tensor, rec: Recorder = SILENT) -> Tensor:
        into, out = self.linear_in, self.linear_out
        pre_BTF = rec.keep(PRE, into(x_BTD), x=x_BTD, W_in=into.weight, b_in=into.bias)
        post_BTF = rec.keep(self.post, self.activation(pre_BTF), pre=pre_BTF)
        return rec.keep(OUT, out(post_BTF), post=post_BTF, W_out=out.weight, b_out=out.bias)
