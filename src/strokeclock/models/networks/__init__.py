"""One module per network, each with its `SPEC`; `registry.networks` finds all (docs/how-to/extend.md)."""
