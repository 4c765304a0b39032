"""Teaching the networks: the phases, the hemispheres they see, the loop, the checkpoints, the predictions."""
