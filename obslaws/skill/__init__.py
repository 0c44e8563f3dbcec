"""The latent-skill model: covariates, objective, fit, and what follows from the fit.

What is known of models (`covariates`), the objective (`problem`, over `tree` and `blocks`), its fit (`fit`), predictive
distributions (`posterior`), and forecasts replayed inside the training data (`replay`).
"""
