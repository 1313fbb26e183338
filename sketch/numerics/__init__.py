"""Linear algebra, random numbers and compiled products, of arrays alone."""
