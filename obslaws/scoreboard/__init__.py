"""The track record: every forecaster over the protocols on one snapshot, as one table and one page."""
