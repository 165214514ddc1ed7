"""Tiny random models of other people's architectures, saved as their authors save them."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from attnviz import adapters
from attnviz.pretrained import Bundle

N_VOCAB = 301
TEXTS = [
    "The weather is nice today, and nobody knows why.",
    "A window that slides sees little of a long sentence!",
    "今天天气很好，我们读书。",
    "Nobody reads the unbelievable books; we reread them.",
]
SENTENCE = "Nobody knows the unbelievable weather of today."


def byte_level() -> Tokenizer:
    """As GPT-2's: no special token is added."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<|end|>"]
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=N_VOCAB, special_tokens=special, initial_alphabet=letters, show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    return made


def word_piece() -> Tokenizer:
    """As BERT's: [CLS] before, [SEP] after."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def unigram() -> Tokenizer:
    """As T5's: </s> after."""
    special = ["<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return made


TOKENIZERS: dict[str, tuple[Callable[[], Tokenizer], dict[str, str]]] = {
    "byte-level": (byte_level, {"bos_token": "<|end|>", "eos_token": "<|end|>"}),
    "word-piece": (
        word_piece,
        {
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "mask_token": "[MASK]",
        },
    ),
    "unigram": (unigram, {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}),
}

ARCHITECTURES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "architectures.json").read_text()
)
"""Name -> the stem of its classes, its tokenizer and its configuration; no two sizes are alike. The
inner width of gpt-oss is a multiple of four: transformers' product of experts wants that."""


@dataclass
class Case:
    """A model as saved: its folder, the class that saved it, and what it is once loaded."""

    name: str
    folder: Path
    of: Any

    @cached_property
    def bundle(self) -> Bundle:
        return adapters.load(self.folder, "cpu")

    @cached_property
    def untouched(self) -> Any:
        """The same folder through transformers alone."""
        found = self.of.from_pretrained(self.folder, attn_implementation="eager")
        return found.eval()

    def inputs(self, text: str = SENTENCE) -> dict[str, torch.Tensor]:
        """Ids by the names of our own forward."""
        ids = torch.tensor([self.bundle.tokenizer.source(text, 90).ids])
        if self.bundle.config.kind == "encoder-decoder":
            return {"source_BS": ids, "target_BT": ids[:, :7].flip(1)}
        return {"source_BS" if self.bundle.config.has_encoder else "target_BT": ids}


def tokenizer(name: str, **about: Any) -> PreTrainedTokenizerFast:
    make, special = TOKENIZERS[name]
    return PreTrainedTokenizerFast(tokenizer_object=make(), **special, **about)


def saved(name: str, folder: Path) -> Any:
    """Save the random model to `folder`; the class that it is of."""
    stem, cut, about = ARCHITECTURES[name].values()
    of = next(
        getattr(transformers, stem + end)
        for end in (
            "LMHeadModel",
            "ForCausalLM",
            "ForMaskedLM",
            "ForConditionalGeneration",
            "MTModel",
        )
        if hasattr(transformers, stem + end)
        and not (end == "LMHeadModel" and stem == "Bert")
        and not (end == "ForCausalLM" and stem in ("Bart", "Marian"))
    )
    torch.manual_seed(3)
    model = of(getattr(transformers, f"{stem}Config")(**about))
    with torch.no_grad():
        for parameter in model.parameters():  # so that no row of attention is even
            parameter.add_(torch.randn_like(parameter) * (0.6 if parameter.ndim > 1 else 0.1))
    model.save_pretrained(folder)
    tokenizer(cut).save_pretrained(folder)
    return of


@pytest.fixture(scope="session")
def make_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Each architecture's case, made once."""
    made: dict[str, Case] = {}

    def make(name: str) -> Case:
        if name not in made:
            folder = tmp_path_factory.mktemp("hf") / name
            made[name] = Case(name, folder, saved(name, folder))
        return made[name]

    return make


@pytest.fixture(scope="session", params=list(ARCHITECTURES))
def case(request: pytest.FixtureRequest, make_case: Callable[[str], Case]) -> Case:
    return make_case(request.param)


@pytest.fixture(scope="session")
def gpt2(make_case: Callable[[str], Case]) -> Case:
    return make_case("gpt2")


@pytest.fixture(scope="session")
def real_models() -> Path:
    """Where the real models are that no package brings along."""
    places = (os.environ.get("ATTNVIZ_MODELS"), Path(__file__).parents[3] / "shared" / "models")
    return next((Path(p) for p in places if p and Path(p).is_dir()), Path("absent"))
