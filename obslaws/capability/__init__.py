"""Scores -> latent capabilities of models, as scikit-learn transformers that accept missing cells."""
