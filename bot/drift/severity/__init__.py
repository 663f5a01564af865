"""How bad a drift is. One table for every platform, since a Terraform resource may declare what both others do."""
