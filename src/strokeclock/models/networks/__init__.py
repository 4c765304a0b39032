"""One module a network, each with its `SPEC`; `registry.networks` finds all (docs/how-to/new-network.md)."""
