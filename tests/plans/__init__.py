"""What would have to be done, as an ordered plan."""
