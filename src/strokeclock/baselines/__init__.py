"""Small fitted models that the networks have to beat."""
