"""What a model is trained to do, one task a file: its data, its batches, its scores."""
