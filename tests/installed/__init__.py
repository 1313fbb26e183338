"""The sdist and the wheel, installed in empty environments: ``python3 dev package``."""
