"""A recurrent layer is torch's cell run token by token, one way or both."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnviz.model.recurrence import Past, Recurrence
from attnviz.recorder import Recorder
from attnviz.trace import Trace

BODIES = ["lstm", "gru"]
B, T, D = 3, 7, 10
EXACT: dict[str, Any] = {"atol": 1e-12, "rtol": 1e-12}
LENGTHS = (4, 7, 1)


def layer(body: str, *, both_ways: bool) -> Recurrence:
    torch.manual_seed(3)
    return Recurrence(body, D, both_ways=both_ways).double().requires_grad_(False)


def tokens(n: int = T) -> Tensor:
    make = torch.Generator().manual_seed(n)
    return torch.randn(B, n, D, dtype=torch.float64, generator=make)


def cell(of: Recurrence, end: str) -> nn.LSTMCell | nn.GRUCell:
    """torch's cell with the weights of one direction."""
    kind = nn.LSTMCell if isinstance(of.layer, nn.LSTM) else nn.GRUCell
    found = kind(D, of.n_hidden, dtype=torch.float64).requires_grad_(False)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(found, name).copy_(getattr(of.layer, f"{name}_l0{end}"))
    return found


def walked(of: Recurrence, x_TD: Tensor, *, back: bool = False) -> list[tuple[Tensor, ...]]:
    """The state after every token, one token after the other: hidden, and an LSTM's cell."""
    one = cell(of, "_reverse" if back else "")
    state, found = None, []
    for x_D in reversed(x_TD) if back else x_TD:
        state = one(x_D, state)
        found.append(state if isinstance(state, tuple) else (state,))
    return found[::-1] if back else found


def states(of: Recurrence, x_TD: Tensor) -> Tensor:
    """What both ways of reading say of every token, side by side."""
    ways = [walked(of, x_TD, back=back) for back in (False, True)[: len(of.ways)]]
    return torch.stack(
        [torch.cat([hidden for hidden, *_ in both]) for both in zip(*ways, strict=True)]
    )


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("both_ways", [False, True])
def test_the_states_are_those_of_torchs_cell_token_by_token(body: str, both_ways: bool) -> None:
    of, x_BTD = layer(body, both_ways=both_ways), tokens()
    expected = torch.stack([states(of, x_TD) for x_TD in x_BTD])
    torch.testing.assert_close(of(x_BTD), expected, **EXACT)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("both_ways", [False, True])
def test_padding_is_read_by_nobody(body: str, both_ways: bool) -> None:
    of, x_BTD = layer(body, both_ways=both_ways), tokens()
    real_BT = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    other_BTD = x_BTD.where(real_BT[..., None], 99.0)
    found_BTD = of(other_BTD, real_BT)
    for n, x_TD, found_TD in zip(LENGTHS, x_BTD, found_BTD, strict=True):
        torch.testing.assert_close(found_TD[:n], states(of, x_TD[:n]), **EXACT)
        assert not found_TD[n:].any()


def test_a_state_that_reads_backward_knows_the_last_token_and_one_that_reads_onward_does_not() -> (
    None
):
    of, x_BTD = layer("gru", both_ways=True), tokens()
    other_BTD = x_BTD.clone()
    other_BTD[:, -1] += 1
    before, after = of(x_BTD), of(other_BTD)
    assert torch.equal(before[:, :-1, : D // 2], after[:, :-1, : D // 2])
    assert (before[..., D // 2 :] != after[..., D // 2 :]).all()


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("at_once", [1, 3])
def test_reading_goes_on_from_the_state_that_it_came_to(body: str, at_once: int) -> None:
    of, x_BTD, past = layer(body, both_ways=False), tokens(), Past()
    pieces = [of(part, None, past=past) for part in x_BTD.split(at_once, dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), of(x_BTD), **EXACT)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("both_ways", [False, True])
def test_recording_changes_no_bit(body: str, both_ways: bool) -> None:
    of, x_BTD = layer(body, both_ways=both_ways), tokens()
    rec = Recorder()
    assert torch.equal(of(x_BTD, None, rec), of(x_BTD))
    real_BT = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    assert torch.equal(of(x_BTD, real_BT, Recorder()), of(x_BTD, real_BT))
    assert torch.equal(rec.kept()["states"].value, of(x_BTD))


def record(of: Recurrence, x_BTD: Tensor) -> Trace:
    rec = Recorder()
    of(x_BTD, None, rec)
    return Trace.of(rec, batched=True)


@pytest.mark.parametrize("way", ["onward", "backward"])
def test_the_recorded_cell_of_an_lstm_is_torchs(way: str) -> None:
    of, x_BTD = layer("lstm", both_ways=True), tokens()
    trace = record(of, x_BTD)
    for i, x_TD in enumerate(x_BTD):
        walk = walked(of, x_TD, back=way == "backward")
        for name, place in (("hidden", 0), ("cell", 1)):
            expected = torch.stack([state[place] for state in walk])
            torch.testing.assert_close(trace[f"{way}.{name}"].value[i], expected, **EXACT)


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + (-x).exp())


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("way", ["onward", "backward"])
def test_the_recorded_gates_are_those_of_the_paper(body: str, way: str) -> None:
    of, x_BTD = layer(body, both_ways=True), tokens()
    trace, back = record(of, x_BTD), way == "backward"
    end = "_l0_reverse" if back else "_l0"
    W_x, W_h, b_x, b_h = (
        getattr(of.layer, name + end) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    names = {"lstm": ("input", "forget", "candidate", "output"), "gru": ("reset", "update")}[body]
    for i, x_TD in enumerate(x_BTD):
        hidden = [h for h, *_ in walked(of, x_TD, back=back)]
        nothing = torch.zeros(of.n_hidden, dtype=torch.float64)
        before = [*hidden[1:], nothing] if back else [nothing, *hidden[:-1]]
        for t in range(T):
            assert torch.allclose(trace[f"{way}.before"].value[i, t], before[t], atol=1e-12)
            x = (W_x @ x_TD[t] + b_x).split(of.n_hidden)
            h = (W_h @ before[t] + b_h).split(of.n_hidden)
            made = {n: sigmoid(x[g] + h[g]) for g, n in enumerate(names) if n != "candidate"}
            reset = made.get("reset", torch.tensor(1.0))
            made["candidate"] = torch.tanh(x[2] + reset * h[2])
            for name, expected in made.items():
                found = trace[f"{way}.{name}"].value[i, t]
                torch.testing.assert_close(found, expected, **EXACT, msg=lambda m, n=name: n + m)


def test_an_edit_of_a_hidden_state_reaches_what_follows() -> None:
    of, x_BTD = layer("gru", both_ways=True), tokens()
    rec = Recorder({"backward.hidden": torch.zeros_like})
    found = of(x_BTD, None, rec)
    assert not found[..., D // 2 :].any()
    assert torch.equal(found[..., : D // 2], of(x_BTD)[..., : D // 2])
