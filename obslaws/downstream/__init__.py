"""From what models can do to what they score on a task: sigmoid laws on capabilities, compute, size or a benchmark."""
