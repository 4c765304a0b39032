"""The configuration as typed models: the one source of its keys, defaults, units, limits and descriptions."""
