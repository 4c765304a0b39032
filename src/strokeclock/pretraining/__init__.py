"""Where starting weights come from."""
