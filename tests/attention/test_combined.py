"""Variants that fill different parts work together: every two of them, on the same tokens."""

from itertools import combinations

import torch

import attnviz
from attnviz.app.lineup import compatible
from attnviz.error import InputError

PAIRS = [pair for pair in combinations(attnviz.variants(), 2) if compatible(*pair)]


def qkv() -> tuple[torch.Tensor, ...]:
    make = torch.Generator().manual_seed(0)
    return tuple(torch.randn(1, 4, 6, 8, dtype=torch.float64, generator=make) for _ in "qkv")


def test_every_two_that_fill_different_parts_run_together() -> None:
    refused = []
    for one, other in PAIRS:
        try:
            trace = attnviz.attend(f"{one}+{other}", *qkv())
        except InputError as error:
            refused.append(error.code)
            continue
        values = trace["values" if "values" in trace else "v"].value
        out = trace["mixed" if "mixed" in trace else "z"].value
        pattern = trace["pattern"].value
        if "channels" not in trace:
            values = values.repeat_interleave(len(pattern) // len(values), dim=0)
            torch.testing.assert_close(pattern @ values, out, atol=1e-8, rtol=1e-8)
    assert len(PAIRS) > 2000
    assert set(refused) <= {"kernel_mask", "maskable", "square"}
    assert len(refused) < len(PAIRS) / 10


def test_the_order_in_which_they_are_named_does_not_matter() -> None:
    q, k, v = qkv()
    one = attnviz.attend("rope+sliding_window+entmax", q, k, v, window=3, alpha=1.25)
    other = attnviz.attend("entmax+rope+sliding_window", q, k, v, window=3, alpha=1.25)
    assert torch.equal(one["z"].value, other["z"].value)
