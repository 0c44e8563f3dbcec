"""Published figures found again on the runs that their authors released, one study per function."""
