"""Linear, recurrent and low-rank attention: paths of their own, with the matrix they amount to."""
