"""Withdrawal: remove a patient from a run, and say what learned from the patient and what remains."""
