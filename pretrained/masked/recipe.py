"""How masked was trained: `python -m attnviz train masked --data DIR`."""

from attnviz.config import ModelConfig
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.masking import Masking

RECIPE = Recipe(
    name="masked",
    task=Masking(),
    data=(
        "The first 2 MiB of TinyStories' training text (huggingface.co/datasets/roneneldan/"
        "TinyStories, CDLA-Sharing-1.0) and 94,594 English sentences of Tatoeba (tatoeba.org, CC "
        "BY 2.0 FR). DIR holds tinystories_train_first2MiB.txt, stories with <|endoftext|> "
        "between, and tatoeba_english_sentences.txt, one sentence a line."
    ),
    model=ModelConfig(
        kind="encoder-only",
        d_vocab=4096,
        d_model=256,
        d_mlp=1024,
        n_ctx=128,
        n_heads=8,
        n_kv_heads=8,
        n_layers=4,
        position="learned",
        activation="gelu",
    ),
    batch_tokens=4096,
    stages=(Stage(steps=2400, warmup=150, cooldown=1500, learning_rate=1.0e-3, dropout=0.1),),
)
