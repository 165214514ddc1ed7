"""The head to look at first is the one that reads most clearly, word by word."""

import torch

from attnviz.analysis.sharpness import sharpest_head
from attnviz.recorder import Recorder, Step
from attnviz.trace import Tokens, Trace

PATTERN = Step("pattern", "H T S", "A")


def trace_of(layers: list[torch.Tensor], special: tuple[bool, ...]) -> Trace:
    rec = Recorder()
    for layer, pattern_HTS in enumerate(layers):
        rec.at("encoder").at(layer).at("self").keep(PATTERN, pattern_HTS[None])
    n = len(special)
    tokens = Tokens("", ("x",) * n, tuple(range(n)), ((0, 0),) * n, special)
    return Trace.of(rec, source=tokens)


def test_the_sharpest_head_wins():
    flat = torch.full((2, 3, 3), 1 / 3)
    sharp = flat.clone()
    sharp[1] = torch.eye(3)
    assert sharpest_head(trace_of([flat, sharp], (False,) * 3), "encoder.self") == (1, 1)


def test_a_head_that_rests_on_a_special_token_is_no_example():
    resting = torch.zeros(1, 3, 3)
    resting[..., 2] = 1
    reading = torch.full((1, 3, 3), 0.2)
    reading[..., 0] = 0.6
    found = sharpest_head(trace_of([resting, reading], (False, False, True)), "encoder.self")
    assert found == (1, 0)


def test_a_head_whose_rows_all_rest_on_one_word_gives_way_to_one_that_aligns():
    resting = torch.zeros(1, 3, 3)
    resting[..., 2] = 1
    aligned = 0.7 * torch.eye(3)[None] + 0.1
    assert sharpest_head(trace_of([resting, aligned], (False,) * 3), "encoder.self") == (1, 0)
