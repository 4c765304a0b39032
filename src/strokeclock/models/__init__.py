"""The networks: their specifications and the modules that they are built of."""
