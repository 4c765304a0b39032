"""One module per network, each with its `SPEC`; `registry.networks` finds them all (docs/extending.md)."""
