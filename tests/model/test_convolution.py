"""A convolutional layer is torch's convolution and a nested loop; outside of the text are zeros."""

from collections.abc import Sequence
from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from attnviz.model.convolution import WIDTH, Convolution
from attnviz.recorder import Recorder

B, D = 2, 5
EXACT: dict[str, Any] = {"atol": 1e-12, "rtol": 1e-12}


def layer() -> Convolution:
    torch.manual_seed(1)
    return Convolution(D).double().requires_grad_(False)


def tokens(n: int) -> Tensor:
    make = torch.Generator().manual_seed(n)
    return torch.randn(B, n, D, dtype=torch.float64, generator=make)


def loops(of: Convolution, x_TD: Sequence[Sequence[float]]) -> list[list[float]]:
    """Number by number: the token, one to its left and one to its right, where there are any."""
    W, b = of.layer.weight.tolist(), of.layer.bias.tolist()  # type: ignore[union-attr]
    found = []
    for t in range(len(x_TD)):
        row = list(b)
        for w in range(WIDTH):
            place = t + w - 1
            if 0 <= place < len(x_TD):
                for d in range(D):
                    row[d] += sum(W[d][e][w] * x_TD[place][e] for e in range(D))
        found.append([max(0.0, number) for number in row])
    return found


@given(st.integers(1, 9))
def test_every_number_is_a_sum_over_the_neighbours_that_there_are(n: int) -> None:
    of, x_BTD = layer(), tokens(n)
    expected = torch.tensor([loops(of, x_TD) for x_TD in x_BTD.tolist()], dtype=torch.float64)
    torch.testing.assert_close(of(x_BTD), expected, **EXACT)


def test_it_is_torchs_convolution_of_the_text_with_a_zero_at_each_end() -> None:
    of, x_BTD = layer(), tokens(6)
    padded = torch.nn.functional.pad(x_BTD, (0, 0, 1, 1)).mT
    expected = torch.nn.functional.conv1d(padded, of.layer.weight, of.layer.bias).mT.clamp(min=0)
    torch.testing.assert_close(of(x_BTD), expected, **EXACT)


def test_padding_counts_as_outside_of_the_text() -> None:
    of, x_BTD = layer(), tokens(6)
    real_BT = torch.arange(6) < torch.tensor([[4], [6]])
    found = of(x_BTD.where(real_BT[..., None], 99.0), real_BT)
    torch.testing.assert_close(found[0, :4], of(x_BTD[:1, :4])[0], **EXACT)
    torch.testing.assert_close(found[1], of(x_BTD)[1], **EXACT)


def test_a_token_reaches_its_two_neighbours_and_no_other() -> None:
    of, x_BTD = layer(), tokens(7)
    other = x_BTD.clone()
    other[:, 3] += 1
    pre, after = (pre_of(of, x) for x in (x_BTD, other))
    assert (pre != after).any(-1).any(0).tolist() == [False, False, True, True, True, False, False]


def pre_of(of: Convolution, x_BTD: Tensor) -> Tensor:
    rec = Recorder()
    of(x_BTD, rec=rec)
    return rec.kept()["pre"].value


def test_recording_changes_no_bit_and_an_edit_reaches_what_follows() -> None:
    of, x_BTD = layer(), tokens(7)
    assert torch.equal(of(x_BTD, rec=Recorder()), of(x_BTD))
    edited = of(x_BTD, rec=Recorder({"pre": lambda pre: -pre}))
    assert torch.equal(edited, (-pre_of(of, x_BTD)).clamp(min=0))
