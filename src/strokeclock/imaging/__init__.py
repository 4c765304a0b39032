"""From a patient's raw series to hemispheres: one module for each step."""
