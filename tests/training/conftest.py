"""A little data and a run that has not begun, for the tests of training."""

from pathlib import Path

import pytest

from attnviz.tokenizer import Tokenizer
from attnviz.training.corpus import Pair
from attnviz.training.loop import Run
from attnviz.training.recipe import Recipe
from attnviz.training.tasks.translation import Pairs


@pytest.fixture
def data(pairs: list[Pair], tokenizer: Tokenizer) -> Pairs:
    return Pairs(pairs[::7], ("en", "zh"), tokenizer, n_ctx=40)


@pytest.fixture
def run(data: Pairs, recipe: Recipe, tmp_path: Path) -> Run:
    return Run(recipe, data, data, tmp_path, "cpu")
