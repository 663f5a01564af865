"""The pages a person reads and presses Merge on."""
