"""One page to read: what a run did and what came out of it, without a network."""
