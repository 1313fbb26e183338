"""Array libraries: which they are, their types, plain arrays of whatever holds numbers."""
