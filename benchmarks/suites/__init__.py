"""The asv suite: time, peak memory and accuracy of every method of every work, at its sizes."""
