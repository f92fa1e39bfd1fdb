"""A 128x128 grayscale classifier."""
