"""Tiny random models and their traces, of sizes that are all different."""

import pytest
import torch

from attnviz.config import ModelConfig
from attnviz.model.transformer import Transformer
from attnviz.recorder import Recorder
from attnviz.trace import Tokens, Trace

SOURCE = ("<2zh>", " un", "believ", "able", ",", " ", "c", "afé", " is", " 2", "!", "</s>")
TARGET = ("<s>", "难以", "置信", "，", " i", "OS", "。")
SIZES = {"d_vocab": 50, "d_model": 24, "d_mlp": 40, "n_ctx": 20, "n_layers": 2}
HEADS = {"n_heads": 6, "n_kv_heads": 3}


def tokens(pieces, first_id=7):
    """Tokens of the pieces; those in angle brackets (bytes apart) are special."""
    special = tuple(p.startswith("<") and not p.startswith("<0x") for p in pieces)
    ids = tuple(range(first_id, first_id + len(pieces)))
    text = "".join(p for p, s in zip(pieces, special, strict=True) if not s).strip()
    return Tokens(text, tuple(pieces), ids, (None,) * len(pieces), special)


def random_trace(kind="encoder-decoder", **facts):
    """The trace of a random model: 12 source and 7 target tokens, 6 heads that share 3 keys."""
    torch.manual_seed(3)
    model = Transformer(ModelConfig.from_dict({"kind": kind, **SIZES, **HEADS})).eval()
    source = tokens(SOURCE) if kind != "decoder-only" else None
    target = tokens(TARGET, 30) if kind != "encoder-only" else None
    rec = Recorder()
    ids = {
        name: None if side is None else torch.tensor([side.ids])
        for name, side in (("source_BS", source), ("target_BT", target))
    }
    model(**ids, rec=rec)
    return Trace.of(rec, source=source, target=target, facts=facts)


@pytest.fixture(scope="session")
def trace():
    return random_trace(finished=True)


@pytest.fixture(scope="session")
def make_trace():
    return random_trace


@pytest.fixture(scope="session")
def make_tokens():
    return tokens
