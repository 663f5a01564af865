"""The functions of the ``.cw`` language, named and meant as Terraform's: pure, without clock, randomness, files or network."""
