"""From numbers to pictures: one module a figure of the paper."""
