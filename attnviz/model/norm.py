"""Layer normalisation and its root-mean-square form."""

from functools import partial

import torch
from torch import Tensor, nn

from attnviz.recorder import SILENT, Recorder, Step

MEAN = Step("mean", "T 1", r"\mu_t = \frac{1}{D} \sum_d x_{td}", "mean(d, x[t, d])")
VARIANCE = Step(
    "variance",
    "T 1",
    r"\sigma_t^2 = \frac{1}{D} \sum_d (x_{td} - \mu_t)^2",
    "mean(d, (x[t, d] - mean[t]) ** 2)",
)
NORMALISED = Step(
    "normalised",
    "T D",
    r"\hat{x} = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}}",
    "(x[t, d] - mean[t]) / sqrt(variance[t] + epsilon)",
)
GAIN = Step("gain", "T D", r"\hat{x} \odot g", "normalised[t, d] * g[d]")
LAYER_NORM = Step(
    "norm",
    "T D",
    r"\mathrm{norm}(x) = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \odot g + b",
    "gain[t, d] + b[d]",
)
MEAN_SQUARE = Step(
    "mean_square",
    "T 1",
    r"\overline{x^2_t} = \frac{1}{D} \sum_d x_{td}^2",
    "mean(d, x[t, d] ** 2)",
)
SCALED_TO_RMS = Step(
    "normalised",
    "T D",
    r"\hat{x} = \frac{x}{\sqrt{\overline{x^2} + \epsilon}}",
    "x[t, d] / sqrt(mean_square[t] + epsilon)",
)
RMS_NORM = Step(
    "norm",
    "T D",
    r"\mathrm{norm}(x) = \frac{x}{\sqrt{\overline{x^2} + \epsilon}} \odot g",
    "normalised[t, d] * g[d]",
)
EPSILON = 1e-5


class LayerNorm(nn.Module):
    """Ba, Kiros, Hinton 2016, arXiv:1607.06450: mean 0 and variance 1 over the width, then gain
    and bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x_BTD: Tensor, rec: Recorder = SILENT) -> Tensor:
        normalise = partial(nn.functional.layer_norm, x_BTD, x_BTD.shape[-1:], eps=EPSILON)
        rec.derive(MEAN, lambda: x_BTD.mean(-1, keepdim=True), x=x_BTD)
        rec.derive(VARIANCE, lambda: _variance(x_BTD), x=x_BTD, mean=MEAN)
        sizes = {"mean": MEAN, "variance": VARIANCE, "epsilon": EPSILON}
        rec.derive(NORMALISED, normalise, x=x_BTD, **sizes)
        rec.derive(GAIN, partial(normalise, self.gain), normalised=NORMALISED, g=self.gain)
        value = normalise(self.gain, self.bias)
        return rec.keep(LAYER_NORM, value, gain=GAIN, b=self.bias)


class RMSNorm(nn.Module):
    """Zhang, Sennrich 2019, arXiv:1910.07467: divided by the root mean square, then gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x_BTD: Tensor, rec: Recorder = SILENT) -> Tensor:
        normalise = partial(nn.functional.rms_norm, x_BTD, x_BTD.shape[-1:], eps=EPSILON)
        rec.derive(MEAN_SQUARE, lambda: x_BTD.square().mean(-1, keepdim=True), x=x_BTD)
        sizes = {"mean_square": MEAN_SQUARE, "epsilon": EPSILON}
        rec.derive(SCALED_TO_RMS, normalise, x=x_BTD, **sizes)
        value = normalise(self.gain)
        return rec.keep(RMS_NORM, value, normalised=SCALED_TO_RMS, g=self.gain)


def _variance(x_BTD: Tensor) -> Tensor:
    return x_BTD.var(-1, correction=0, keepdim=True)


def norm(choice: str, width: int) -> nn.Module:
    """A fresh norm over `width` numbers: "layer" or "rms"."""
    return {"layer": LayerNorm, "rms": RMSNorm}[choice](width)
