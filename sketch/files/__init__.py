"""How files of our own are written and read."""
