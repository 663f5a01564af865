"""Finds where a repository is deployed to: targets, the units each begins with, the files each unit is made from. Pure."""
