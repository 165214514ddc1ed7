"""A convolutional layer: every token looks at its neighbours, so many to the left and the right.

As in the sentence encoders of Kim 2014, arXiv:1408.5882, and Gehring et al. 2017, arXiv:1611.02344.
"""

from torch import Tensor, nn

from attnviz.recorder import SILENT, Recorder, Step

WIDTH = 3
"""Tokens that one filter sees."""
WINDOW = Step(
    "window",
    "T N D",
    r"w_{tn} = x_{t+n-r}",
    "where((reach <= t + n) * (t + n <= reach + last),"
    " x[minimum(maximum(t + n - reach, 0), last), d], 0)",
)
PRE = Step(
    "pre",
    "T D",
    r"\mathrm{pre}_t = b + \sum_{n} W_n\, w_{tn}",
    "sum(n, e, window[t, n, e] * W[d, e, n]) + b[d]",
)
POST = Step("post", "T D", r"\max(0, \mathrm{pre}_t)", "relu(pre[t, d])")


class Convolution(nn.Module):
    """From width D to D over WIDTH tokens, then max(0, x); outside of the text are zeros."""

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.layer = nn.Conv1d(d_model, d_model, WIDTH, padding=WIDTH // 2)

    def forward(
        self, x_BTD: Tensor, real_BT: Tensor | None = None, rec: Recorder = SILENT
    ) -> Tensor:
        """Features BTD; what is not `real` (padding) counts as outside of the text."""
        if real_BT is not None:
            x_BTD = x_BTD * real_BT[..., None]
        pre_BTD = self.layer(x_BTD.transpose(1, 2)).transpose(1, 2)
        about = {"reach": WIDTH // 2, "last": x_BTD.shape[1] - 1}
        rec.derive(WINDOW, lambda: _windows(x_BTD), x=x_BTD, **about)
        weights = {"W": self.layer.weight, "b": self.layer.bias}
        pre_BTD = rec.keep(PRE, pre_BTD, window=WINDOW, **weights)
        return rec.keep(POST, pre_BTD.relu(), pre=pre_BTD)


def _windows(x_BTD: Tensor) -> Tensor:
    """What each place sees, BTND: N tokens around it, zeros outside of the text."""
    padded = nn.functional.pad(x_BTD, (0, 0, WIDTH // 2, WIDTH // 2))
    return padded.unfold(1, WIDTH, 1).transpose(2, 3)
