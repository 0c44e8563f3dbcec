"""What a fitted skill model can be asked: what its skills are, how to spend compute, which size reaches a score."""
