"""The networks, what each says of itself, and the parts that they are built of."""
