"""The figures of an external test."""
