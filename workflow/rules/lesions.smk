# Where the lesion is, as drawn or as found, and what the networks make of it.

LESION_TABLES = []
