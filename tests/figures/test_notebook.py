"""The notebook's picture has all it needs inside itself."""

import base64
import re

import numpy as np
import pytest

from attnviz.figures.notebook import html
from attnviz.figures.payload import WORDS, GridBlock, grid

TEXT = {name: name for name in WORDS["grid"]}
WEIGHTS_LHTS = np.random.default_rng(3).random((2, 3, 2, 4), dtype=np.float32)
BLOCK = GridBlock("decoder.cross", "Cross", WEIGHTS_LHTS, ("</script>", "猫"), ("a", "b", "c", "d"))


def test_nothing_is_loaded_from_anywhere() -> None:
    page = html([BLOCK], TEXT)
    assert not re.search(r"https?://|\bsrc=|\bhref=|\bimport\b\s*[({\"']|@import|url\(", page)


def test_the_weights_stand_in_the_page_exactly() -> None:
    found = re.search(r'decoded\("([A-Za-z0-9+/=]+)"\)', html([BLOCK], TEXT))
    assert found
    assert base64.b64decode(found[1]) == grid([BLOCK], None, TEXT)


def test_a_token_cannot_end_the_script() -> None:
    assert html([BLOCK], TEXT).count("</script>") == 1


def test_two_outputs_have_different_ids() -> None:
    ids = {re.findall(r'id="([^"]+)"', html([BLOCK], TEXT))[0] for _ in range(3)}
    assert len(ids) == 3


def test_a_picture_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one block"):
        html([], TEXT)
