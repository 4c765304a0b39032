"""Trainings and imports that give initial weights."""
