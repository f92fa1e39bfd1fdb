"""Paired image restoration: blur and noise are taken out of random patches."""
