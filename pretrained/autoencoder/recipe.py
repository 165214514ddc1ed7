"""How autoencoder was trained: `python -m attnviz train autoencoder --data DIR`."""

from attnviz.config import ModelConfig
from attnviz.training.recipe import Recipe
from attnviz.training.stage import Stage
from attnviz.training.tasks.reconstruction import Reconstruction

RECIPE = Recipe(
    name="autoencoder",
    task=Reconstruction(),
    data=(
        "94,594 English sentences of Tatoeba (tatoeba.org), CC BY 2.0 FR. DIR holds "
        "tatoeba_english_sentences.txt, one sentence a line."
    ),
    model=ModelConfig(
        kind="encoder-decoder",
        d_vocab=4096,
        d_model=192,
        d_mlp=512,
        n_ctx=40,
        n_heads=6,
        n_kv_heads=6,
        n_layers=2,
        n_slots=6,
        position="learned",
        activation="gelu",
    ),
    batch_tokens=4096,
    stages=(Stage(steps=1500, warmup=150, cooldown=750, learning_rate=2.0e-3, dropout=0.05),),
    weight_decay=0.05,
)
