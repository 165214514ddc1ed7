"""Layer normalisation and its root-mean-square form."""

import torch
from torch import Tensor, nn

from attnviz.trace import SILENT, Recorder, Step

LAYER_NORM = Step("norm", "T D", r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot g + b")
RMS_NORM = Step("norm", "T D", r"\frac{x}{\sqrt{\overline{x^2} + \epsilon}} \odot g")
EPSILON = 1e-5


class LayerNorm(nn.Module):
    """Ba, Kiros, Hinton 2016, arXiv:1607.06450: mean 0 and variance 1 over the width, then gain
    and bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x_BTD: Tensor, rec: Recorder = SILENT) -> Tensor:
        width = (x_BTD.shape[-1],)
        value = nn.functional.layer_norm(x_BTD, width, self.gain, self.bias, EPSILON)
        return rec.keep(LAYER_NORM, value)


class RMSNorm(nn.Module):
    """Zhang, Sennrich 2019, arXiv:1910.07467: divided by the root mean square, then gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x_BTD: Tensor, rec: Recorder = SILENT) -> Tensor:
        width = (x_BTD.shape[-1],)
        return rec.keep(RMS_NORM, nn.functional.rms_norm(x_BTD, width, self.gain, EPSILON))


def norm(choice: str, width: int) -> nn.Module:
    """A fresh norm over `width` numbers: "layer" or "rms"."""
    return {"layer": LayerNorm, "rms": RMSNorm}[choice](width)
