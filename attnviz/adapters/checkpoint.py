"""A folder of Hugging Face form -> a Bundle.

Nothing is loaded that cannot be trusted: no pickle, no code from the folder, no network.
"""

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging import CRITICAL
from pathlib import Path
from threading import Lock
from typing import Any

from attnviz.adapters import hub, seam
from attnviz.adapters.folder import checked
from attnviz.adapters.foreign import Foreign
from attnviz.adapters.refusal import line, no_text, unusable, within
from attnviz.adapters.tokenizer import ForeignTokenizer
from attnviz.adapters.weight import LOCAL, read
from attnviz.config import Kind
from attnviz.pretrained import MAX_NAME, Bundle, LoadError

_LOADING = Lock()
"""One model at a time: what transformers says, and whether, is one setting for all threads."""
CARD, TOKENIZER = "README.md", "tokenizer.json"
MOST_TOKENS, MOST_WEIGHTS = 512, 12_000_000
"""The longest text that is read, whatever the model could, and how many attention weights its
picture has at most: they grow with the square of the text, and a trace keeps several such steps."""


def load(name: str | Path, device: str = "cpu") -> Bundle:
    """The model of a folder, or of a hub id ("owner/name"), in float32 on `device`.

    Raises LoadError, in one sentence: no such folder, nothing but pickles, code of its own, an
    unknown architecture, weights that are missing, of a wrong shape or not finite, no tokenizer, or
    an attention that cannot be followed number by number.
    """
    _package()
    folder = Path(name)
    said = folder.resolve().name
    if len(str(name)) > MAX_NAME or not folder.is_dir():
        if not hub.is_id(str(name)):
            short = repr(str(name)[:80])
            raise LoadError("no-folder", f"there is no folder {short}", name=short)
        folder, said = hub.fetched(str(name)), str(name)
    checked(folder)
    seam.register()
    with _LOADING, quiet():
        config = _config(folder)
        kind, names = _classes(config, folder)
        model = read(folder, config, names)
        tokenizer = _tokenizer(folder, model)
        foreign = _followed(folder, model.to(device), kind, _n_ctx(model, tokenizer))
    return Bundle(said, tokenizer, foreign, _card(folder))  # type: ignore[arg-type]


def _package() -> None:
    """Raises LoadError where transformers is not installed."""
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise LoadError(
            "transformers",
            "a model in Hugging Face form needs the package transformers: "
            "pip install -r attnviz/adapters/requirements.txt",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Transformers says nothing on the terminal; what matters comes as a LoadError."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _config(folder: Path) -> Any:
    """The configuration, of an architecture that transformers itself knows."""
    from transformers import CONFIG_MAPPING, AutoConfig

    described = checked(folder)
    if described["model_type"] not in CONFIG_MAPPING:
        said, kind = folder.name, repr(described["model_type"][:80])
        if "auto_map" in described:
            message = f"{said} brings code of its own, which attnviz never runs (model_type {kind})"
            raise LoadError("own-code", message, folder=said, kind=kind)
        message = f"{said} is of a kind that transformers does not know (model_type {kind})"
        raise LoadError("unknown-kind", message, folder=said, kind=kind)
    try:
        return AutoConfig.from_pretrained(folder, **LOCAL)
    except Exception as error:
        raise unusable(folder, error) from error


def _classes(config: Any, folder: Path) -> tuple[Kind, str]:
    """What kind of model it is, and the name of the class that has its logits; "" where no class
    does."""
    from transformers.models.auto import modeling_auto as auto

    names = config.architectures or ("",)
    writes = config.model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    fills = config.model_type in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if getattr(config, "is_encoder_decoder", False):
        found = auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES.get(config.model_type)
        if found is None:
            raise no_text(folder, config.model_type)
        return "encoder-decoder", found
    causal = any(mark in names[0] for mark in ("CausalLM", "LMHead")) or not fills
    if writes and (causal or getattr(config, "is_decoder", False)):
        return "decoder-only", auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.model_type]
    if names[0].endswith("Model"):  # as it was saved, without a head
        return "encoder-only", ""
    return "encoder-only", auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.get(config.model_type, "")


def _tokenizer(folder: Path, model: Any) -> ForeignTokenizer:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL)
    except Exception as error:
        why = line(error)
        message = f"{folder.name} has no tokenizer that can be used: {why}"
        raise LoadError("tokenizer", message, folder=folder.name, reason=why) from error
    files = {x for name, x in tokenizer.vocab_files_names.items() if "config" not in name}
    if not any((folder / file).is_file() for file in (TOKENIZER, *files)):
        message = f"{folder.name} has no tokenizer: {TOKENIZER} is missing"
        raise LoadError("no-tokenizer", message, folder=folder.name, file=TOKENIZER)
    n_ids, n = model.get_input_embeddings().weight.shape[0], len(tokenizer)
    if n > n_ids:
        message = f"{folder.name}: the tokenizer has {n} pieces, but the d_vocab is {n_ids}"
        raise LoadError("folder-vocabulary", message, folder=folder.name, found=n, wanted=n_ids)
    about = getattr(model, "generation_config", None)
    names = ("decoder_start_token_id", "bos_token_id", "eos_token_id", "pad_token_id")
    return ForeignTokenizer(tokenizer, {name: _id(about, model.config, name) for name in names})


def _id(about: Any, config: Any, name: str) -> int | None:
    """A special token's id as the model's own configurations have it; of several the first."""
    for place in (about, config):
        found = getattr(place, name, None)
        found = found[0] if isinstance(found, list) and found else found
        if isinstance(found, int):
            return found
    return None


def _n_ctx(model: Any, tokenizer: ForeignTokenizer) -> int:
    """How many tokens the model can read, at most MOST_TOKENS and as MOST_WEIGHTS allow."""
    config = model.config
    n_heads = getattr(config, "num_hidden_layers", 12) * getattr(config, "num_attention_heads", 12)
    most = min(MOST_TOKENS, max(16, math.isqrt(MOST_WEIGHTS // n_heads)))
    known = [getattr(config, n, None) for n in ("max_position_embeddings", "n_positions")]
    limits = [x for x in (*known, tokenizer.limit, most) if isinstance(x, int) and x > 0]
    for name, module in model.named_modules():
        if (
            name.endswith("position_embeddings")
            and getattr(module, "padding_idx", None) is not None
        ):
            limits.append(module.num_embeddings - module.padding_idx - 1)  # RoBERTa counts from it
    return min(limits)


def _followed(folder: Path, model: Any, kind: Kind, n_ctx: int) -> Foreign:
    """The model behind our own face."""
    try:
        return Foreign(model, kind, n_ctx)
    except LoadError as error:
        raise within(folder, model.config.model_type, error) from error
    except Exception as error:
        said, kind, why = folder.name, model.config.model_type, line(error)
        message = f"{said}: a model of the kind {kind} cannot be run on text alone: {why}"
        raise LoadError("text-alone", message, folder=said, kind=kind, reason=why) from error


def _card(folder: Path) -> str:
    """The folder's card without the block of data at its top."""
    file = folder / CARD
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)[:20_000].strip()
