"""Tests of what is found in a repository and of what its objects bring along."""
