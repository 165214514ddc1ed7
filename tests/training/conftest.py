"""A little data and a run that has not begun, for the tests of training."""

from pathlib import Path

import pytest

from attnviz.tokenizer import Tokenizer
from attnviz.training.corpus import Corpus, Pair
from attnviz.training.loop import Run
from attnviz.training.recipe import Recipe


@pytest.fixture
def data(pairs: list[Pair], tokenizer: Tokenizer) -> Corpus:
    return Corpus(pairs[::7], ("en", "zh"), tokenizer, n_ctx=40)


@pytest.fixture
def run(data: Corpus, recipe: Recipe, tokenizer: Tokenizer, tmp_path: Path) -> Run:
    return Run(recipe, data, data, tokenizer.pad, tmp_path, "cpu")
