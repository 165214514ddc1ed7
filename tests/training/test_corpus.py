"""Texts are read from the files that corpora come in, and some of them are kept back."""

import zlib
from pathlib import Path

import pytest

from attnviz.training import corpus


def test_pairs_are_read_with_their_credit_left_out(tmp_path: Path) -> None:
    file = tmp_path / "cmn.txt"
    file.write_text("Hi  there.\t你好。\tCC-BY #1\nA\u2028b\t甲\x85乙\nGo\t走\tx\ty", "utf-8")
    assert corpus.read_pairs(file) == [("Hi there.", "你好。"), ("A b", "甲 乙"), ("Go", "走")]


def test_a_line_without_a_tab_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cmn.txt"
    file.write_text("Hi.\t你好。\nGo.\t走。\nStop. 停。\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cmn\.txt, line 3: expected two texts with a tab"):
        corpus.read_pairs(file)


def test_sentences_are_lines_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\nHi  there.\n \n你好。\n", encoding="utf-8")
    assert corpus.read_sentences(file) == ["Hi there.", "你好。"]


def test_a_story_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(
        "One\nday.\n<|endoftext|>\n <|endoftext|>Two days.<|endoftext|>Three d", "utf-8"
    )
    assert corpus.read_stories(file) == ["One day.", "Two days."]


def test_a_text_is_kept_back_by_its_checksum_and_by_nothing_else() -> None:
    texts = [f"text {i}" for i in range(5000)]
    kept = [text for text in texts if corpus.held_out(text)]
    assert kept == [text for text in texts if zlib.crc32(text.encode()) % 50 == 0]
    assert 60 < len(kept) < 140
    assert 400 < sum(corpus.held_out(text, 10) for text in texts) < 600
