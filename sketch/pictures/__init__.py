"""Drawings and cards of results."""
