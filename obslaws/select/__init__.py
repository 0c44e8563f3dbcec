"""Which models, which benchmarks, which evaluation next: the most that can be learned for a budget."""
