"""The test of a frozen model on another hospital's patients: its numbers, from the table of readings."""
