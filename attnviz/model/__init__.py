"""The Transformer around attention: embeddings, norms, MLP, blocks, decoding."""
