"""Published scaling laws, one robust fitter for all of them, and what they say on leaderboards."""
