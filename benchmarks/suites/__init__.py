"""The asv suite: time, peak memory and accuracy of every method, its floor and its peers."""
