"""A folder of made-up data, as the tasks find theirs."""

import zipfile
from pathlib import Path

import pytest

from attnviz.tokenizer import Tokenizer
from attnviz.training.tasks.language import SENTENCES, STORIES

WHO = ("I", "We", "They", "My sister")
DO = ("read", "buy", "like", "forget")
WHAT = ("books", "green tea", "the red apples", "fresh bread", "the dog")


def said() -> list[str]:
    """Some hundreds of short texts."""
    found = [f"{a} {b} {c}" for a in WHO for b in DO for c in WHAT]
    return [f"{text}{end}" for text in found for end in (".", ", today.", "!")]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("data")
    every = said()
    (found / SENTENCES).write_text("\n".join(["", *every, "  "]), encoding="utf-8")
    stories = [
        "\n".join([a, f"  {b} ", c]) for a, b, c in zip(*[iter(every[:150])] * 3, strict=True)
    ]
    text = "\n<|endoftext|>\n".join([*stories, "This one was cut off in the mi"])
    (found / STORIES).write_text(text, encoding="utf-8")
    rows = [f'"{text}",{"yes" if "like" in text else "no"}' for text in every[:60]]
    (found / "train.csv").write_text("\n".join(["text,category", *rows]), encoding="utf-8")
    rows = [f'"{text}",{"yes" if "like" in text else "no"}' for text in every[200:]]
    (found / "test.csv").write_text("\n".join(["text,category", *rows]), encoding="utf-8")
    with zipfile.ZipFile(found / "films.zip", "w") as stored:
        liked = "\n".join(["a caf\xe9 , i liked it .", "", *every[:70]])
        stored.writestr("data/rt.pos", liked.encode("latin-1"))
        stored.writestr("data/rt.neg", "\n".join(f"not {text}" for text in every[:70]))
        stored.writestr("data/readme.txt", "nothing")
    return found


@pytest.fixture(scope="session")
def masking(masking_file: Path) -> Tokenizer:
    return Tokenizer(masking_file)
