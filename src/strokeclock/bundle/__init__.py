"""Everything fitted in a run as one file that travels: pack, verify, load."""
