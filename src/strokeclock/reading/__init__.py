"""One patient read with a bundle, and another hospital's cohort."""
