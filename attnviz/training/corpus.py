"""Texts, pairs and labelled texts from the files that corpora come in, and which of them are kept
back for scoring."""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from attnviz.tokenizer import clean

Pair = tuple[str, str]
Labelled = tuple[str, str]
STORY_END = "<|endoftext|>"


def held_out(text: str, share: int = 50) -> bool:
    """Whether a text is of the part that no model is trained on, one of `share`."""
    return zlib.crc32(text.encode()) % share == 0


def read_pairs(file: Path) -> list[Pair]:
    """Pairs of a tab-separated file: first language, second language, anything (a credit).

    Raises ValueError naming the line that has no tab."""
    pairs = []
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.split("\t")
            if len(fields) < 2:
                raise ValueError(
                    f"{file.name}, line {number}: expected two texts with a tab between"
                )
            pairs.append((clean(fields[0]), clean(fields[1])))
    return pairs


def read_sentences(file: Path) -> list[str]:
    """One text a line."""
    with file.open(encoding="utf-8") as lines:
        return [text for line in lines if (text := clean(line))]


def read_stories(file: Path) -> list[str]:
    """Stories with STORY_END between; what follows the last one was cut off and is left out."""
    *stories, _ = file.read_text(encoding="utf-8").split(STORY_END)
    return [text for story in stories if (text := clean(story))]


def read_labelled(file: Path) -> list[Labelled]:
    """Texts and their labels: a CSV file with a header and the text first, or a zip of files whose
    endings are the labels ("rt-polarity.pos"), one text a line."""
    if file.suffix == ".zip":
        return list(_zipped(file))
    with file.open(encoding="utf-8", newline="") as lines:
        _, *rows = csv.reader(lines)
    return [(clean(row[0]), row[1]) for row in rows]


def _zipped(file: Path) -> Iterator[Labelled]:
    with zipfile.ZipFile(file) as stored:
        for name in stored.namelist():
            label = name.rpartition(".")[2]
            if label in ("pos", "neg"):
                with io.TextIOWrapper(stored.open(name), "latin-1") as lines:
                    yield from ((clean(line), label) for line in lines if clean(line))
