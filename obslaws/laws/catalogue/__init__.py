"""The declarations: one curve or one small group per file, each with bounds, units, published coefficients, source."""
