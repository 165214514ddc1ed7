"""A SentencePiece vocabulary for one language or for two together.

Unigram pieces (Kudo 2018, arXiv:1804.10959) with byte fallback, so that no character is unknown.
Chinese words are marked by jieba while the pieces are learnt, so that no piece spans two words;
afterwards the model alone cuts the text.
"""

from pathlib import Path

import jieba
import sentencepiece

from attnviz.tokenizer import spaced
from attnviz.training.recipe import Recipe

_BORDER = "\x01"


def train_tokenizer(texts: list[str], recipe: Recipe, file: Path) -> None:
    """Learn `recipe.model.d_vocab` pieces from the texts and write the model to `file`."""
    jieba.setLogLevel("WARNING")
    lines = [_words(text) for text in texts]
    with open(file, "wb") as out:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=out,
            vocab_size=recipe.model.d_vocab,
            model_type="unigram",
            character_coverage=recipe.character_coverage,
            byte_fallback=True,
            normalization_rule_name="nmt_nfkc_cf" if recipe.folded else "identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            pretokenization_delimiter=_BORDER,
            control_symbols=list(recipe.task.controls),
            user_defined_symbols=list(recipe.task.symbols),
            max_sentence_length=20_000,
            pad_id=0,
            unk_id=1,
            bos_id=2,
            eos_id=3,
            num_threads=1,
            minloglevel=2,
        )


def _words(text: str) -> str:
    line = spaced(text)
    return line if line.startswith(" ") else _BORDER.join(jieba.cut(line))
