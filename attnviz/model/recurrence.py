"""A recurrent layer: an LSTM or a GRU reads the tokens one after the other and hands a state on.

LSTM after Hochreiter, Schmidhuber 1997 with the forget gate of Gers et al. 2000; GRU after Cho et
al. 2014, arXiv:1406.1078; read both ways by an encoder as in Bahdanau et al. 2015,
arXiv:1409.0473. PyTorch's own layer computes the states; the gates between them are computed again
when somebody looks.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from attnviz.recorder import SILENT, Derived, Recorder, Step

State = tuple[Tensor, ...]
"""What a layer hands on to the next token: hidden state, and an LSTM's cell."""


FROM_TOKEN = Step("from_token", "T R", r"W_x x_t + b_x", "sum(d, x[t, d] * W_x[r, d]) + b_x[r]")
FROM_STATE = Step("from_state", "T R", r"W_h h' + b_h", "sum(a, before[t, a] * W_h[r, a]) + b_h[r]")


def _share(of: str, gate: int) -> str:
    """One gate's part of what the token or the state before says; the gates lie side by side."""
    return f"from_{of}[t, a + {gate} * n_hidden]" if gate else f"from_{of}[t, a]"


def _gate(name: str, symbol: str, gate: int) -> Step:
    formula = (
        rf"{symbol}_t = \sigma(W_x^{{{symbol}}} x_t + b_x^{{{symbol}}}"
        rf" + W_h^{{{symbol}}} h' + b_h^{{{symbol}}})"
    )
    rule = f"sigmoid({_share('token', gate)} + {_share('state', gate)})"
    return Step(name, "T A", formula, rule, "weight")


def _before(name: str, of: str, symbol: str, back: bool) -> Step:
    """The state that a token is read in: that of the neighbour, nothing at the first one."""
    if back:
        rule = f"where(t < last, {of}[minimum(t + 1, last), a], 0)"
        return Step(name, "T A", rf"{symbol}' = {symbol}_{{t+1}}", rule)
    rule = f"where(t > 0, {of}[maximum(t - 1, 0), a], 0)"
    return Step(name, "T A", rf"{symbol}' = {symbol}_{{t-1}}", rule)


BEFORE = tuple(_before("before", "hidden", "h", back) for back in (False, True))
CELL_BEFORE = tuple(_before("cell_before", "cell", "c", back) for back in (False, True))
LSTM_GATES = (_gate("input", "i", 0), _gate("forget", "f", 1), _gate("output", "o", 3))
CANDIDATE = Step(
    "candidate",
    "T A",
    r"g_t = \tanh(W_x^g x_t + b_x^g + W_h^g h' + b_h^g)",
    f"tanh({_share('token', 2)} + {_share('state', 2)})",
)
CELL = Step(
    "cell",
    "T A",
    r"c_t = f_t \odot c' + i_t \odot g_t",
    "forget[t, a] * cell_before[t, a] + input[t, a] * candidate[t, a]",
)
LSTM_HIDDEN = Step(
    "hidden", "T A", r"h_t = o_t \odot \tanh(c_t)", "output[t, a] * tanh(cell[t, a])"
)
GRU_GATES = (_gate("reset", "r", 0), _gate("update", "z", 1))
PROPOSAL = Step(
    "candidate",
    "T A",
    r"n_t = \tanh(W_x^n x_t + b_x^n + r_t \odot (W_h^n h' + b_h^n))",
    f"tanh({_share('token', 2)} + reset[t, a] * {_share('state', 2)})",
)
GRU_HIDDEN = Step(
    "hidden",
    "T A",
    r"h_t = (1 - z_t) \odot n_t + z_t \odot h'",
    "(1 - update[t, a]) * candidate[t, a] + update[t, a] * before[t, a]",
)
STATES = Step(
    "states",
    "T D",
    r"h_t = [\overrightarrow{h}_t ; \overleftarrow{h}_t]",
    "where(d < n_hidden, onward[t, minimum(d, n_hidden - 1)],"
    " backward[t, maximum(d - n_hidden, 0)])",
)
ONE_WAY = Step("states", "T D", r"h_t = \overrightarrow{h}_t", "onward[t, d]")


class Past:
    """The state that reading has come to; the next tokens go on from there."""

    def __init__(self) -> None:
        self.state: State | None = None


class Recurrence(nn.Module):
    """`body` "lstm" or "gru" from width D to D: onward, and with `both_ways` half of the width
    backward."""

    def __init__(self, body: str, d_model: int, *, both_ways: bool) -> None:
        super().__init__()
        self.n_hidden = d_model // 2 if both_ways else d_model
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[body]
        self.layer = layer(d_model, self.n_hidden, batch_first=True, bidirectional=both_ways)
        self.ways = ("onward", "backward") if both_ways else ("onward",)

    def forward(
        self,
        x_BTD: Tensor,
        real_BT: Tensor | None = None,
        rec: Recorder = SILENT,
        past: Past | None = None,
    ) -> Tensor:
        """States BTD; what is not `real` (padding at the end) is read by nobody."""
        states_BTD = self._states(x_BTD, real_BT, past)
        found = {}
        for i, way in enumerate(self.ways):
            hidden_BTA = states_BTD[..., i * self.n_hidden : (i + 1) * self.n_hidden]
            found[way] = self._record(x_BTD, hidden_BTA, rec.at(way), back=i == 1)
        if len(found) == 1:
            return rec.keep(ONE_WAY, found["onward"], **found)
        states_BTD = torch.cat(tuple(found.values()), -1)
        return rec.keep(STATES, states_BTD, n_hidden=self.n_hidden, **found)

    def _states(self, x_BTD: Tensor, real_BT: Tensor | None, past: Past | None) -> Tensor:
        if real_BT is None:
            states_BTD, state = self.layer(x_BTD, past.state if past else None)
            if past is not None:
                past.state = state
            return states_BTD
        n_B = real_BT.sum(-1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(
            x_BTD, n_B, batch_first=True, enforce_sorted=False
        )
        states, _ = self.layer(packed)
        length = x_BTD.shape[1]
        return nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=length)[0]

    def _record(self, x_BTD: Tensor, hidden_BTA: Tensor, rec: Recorder, *, back: bool) -> Tensor:
        about = {"last": hidden_BTA.shape[1] - 1}
        step = LSTM_HIDDEN if isinstance(self.layer, nn.LSTM) else GRU_HIDDEN
        rec.derive(BEFORE[back], lambda: _shifted(hidden_BTA, back), hidden=step, **about)
        return rec.keep(step, hidden_BTA, None, **self._gates(x_BTD, hidden_BTA, rec, back))

    def _gates(
        self, x_BTD: Tensor, hidden_BTA: Tensor, rec: Recorder, back: bool
    ) -> dict[str, Step]:
        """Record what the token and the state before say, and the gates made of both; the operands
        of the hidden state."""
        w = self._weights(back)

        def from_token() -> Tensor:
            return nn.functional.linear(x_BTD, w["W_x"], w["b_x"])

        def from_state() -> Tensor:
            return nn.functional.linear(_shifted(hidden_BTA, back), w["W_h"], w["b_h"])

        rec.derive(FROM_TOKEN, from_token, x=x_BTD, W_x=w["W_x"], b_x=w["b_x"])
        rec.derive(FROM_STATE, from_state, before=BEFORE[back], W_h=w["W_h"], b_h=w["b_h"])
        record = _lstm if isinstance(self.layer, nn.LSTM) else _gru
        return record(from_token, from_state, hidden_BTA, rec, back)

    def _weights(self, back: bool) -> dict[str, Tensor]:
        end = "_l0_reverse" if back else "_l0"
        names = {"W_x": "weight_ih", "W_h": "weight_hh", "b_x": "bias_ih", "b_h": "bias_hh"}
        return {name: getattr(self.layer, own + end) for name, own in names.items()}


def _shifted(x_BTA: Tensor, back: bool) -> Tensor:
    """Every place holds what its neighbour held, the first one nothing."""
    pad = (0, 0, 0, 1) if back else (0, 0, 1, 0)
    shorter = x_BTA[:, 1:] if back else x_BTA[:, :-1]
    return nn.functional.pad(shorter, pad)


def _lstm(
    from_token: Derived, from_state: Derived, hidden_BTA: Tensor, rec: Recorder, back: bool
) -> dict[str, Step]:
    """Record the gates and the cell; the operands of the hidden state."""

    def gate(i: int, f: Callable[[Tensor], Tensor] = torch.sigmoid) -> Derived:
        return lambda: f((from_token() + from_state()).chunk(4, -1)[i])

    def cell() -> Tensor:
        i, f, g, _ = (from_token() + from_state()).chunk(4, -1)
        return _cells(f.sigmoid(), i.sigmoid() * g.tanh(), back)

    about = {"from_token": FROM_TOKEN, "from_state": FROM_STATE, "n_hidden": hidden_BTA.shape[2]}
    for step, row in zip(LSTM_GATES, (0, 1, 3), strict=True):
        rec.derive(step, gate(row), **about)
    rec.derive(CANDIDATE, gate(2, torch.tanh), **about)
    rec.derive(
        CELL_BEFORE[back], lambda: _shifted(cell(), back), cell=CELL, last=hidden_BTA.shape[1] - 1
    )
    input_gate, forget, output = LSTM_GATES
    inside = {"forget": forget, "cell_before": CELL_BEFORE[back], "input": input_gate}
    rec.derive(CELL, cell, candidate=CANDIDATE, **inside)
    return {"output": output, "cell": CELL}


def _cells(forget_BTA: Tensor, new_BTA: Tensor, back: bool) -> Tensor:
    """c_t = f_t c' + new_t, token after token."""
    order = range(forget_BTA.shape[1])
    cell_BA, found = torch.zeros_like(new_BTA[:, 0]), {}
    for t in reversed(order) if back else order:
        cell_BA = found[t] = forget_BTA[:, t] * cell_BA + new_BTA[:, t]
    return torch.stack([found[t] for t in order], 1)


def _gru(
    from_token: Derived, from_state: Derived, hidden_BTA: Tensor, rec: Recorder, back: bool
) -> dict[str, Step]:
    """Record the gates and the candidate; the operands of the hidden state."""

    def gate(i: int) -> Derived:
        return lambda: torch.sigmoid((from_token() + from_state()).chunk(3, -1)[i])

    def proposal() -> Tensor:
        x, h = from_token().chunk(3, -1), from_state().chunk(3, -1)
        return torch.tanh(x[2] + gate(0)() * h[2])

    about = {"from_token": FROM_TOKEN, "from_state": FROM_STATE, "n_hidden": hidden_BTA.shape[2]}
    for row, step in enumerate(GRU_GATES):
        rec.derive(step, gate(row), **about)
    rec.derive(PROPOSAL, proposal, reset=GRU_GATES[0], **about)
    return {"update": GRU_GATES[1], "candidate": PROPOSAL, "before": BEFORE[back]}
