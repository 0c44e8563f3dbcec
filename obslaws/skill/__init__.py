"""The latent-skill model: what shape (`spec`), the numbers (`tree`, `fit`), and what follows from them (`posterior`)."""
