"""Training of the networks: phases, hemispheres, loop, checkpoints, predictions."""
