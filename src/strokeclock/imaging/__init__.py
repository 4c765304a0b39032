"""One patient's volumes, from raw series to hemispheres; a module a step."""
