"""Laws on the leaderboard: what published curves say of models that anyone can look up."""
