"""Reporting check-lists (TRIPOD+AI, CLAIM 2024, STARD-AI), answered from a run's configuration and files."""
