# The network that everything else stands in.
terraform {
  required_version = ">= 1.5.0, < 2.0.0"

  required_providers {
    aws    = { source = "hashicorp/aws", version = "~> 5.40" }
    random = {
      source  = "hashicorp/random"
      version = "3.6.0"
    }
  }

  backend "s3" {
    bucket = "bakery-state"
    key    = "network/terraform.tfstate"
    region = "eu-central-1"
  }
}

provider "aws" {
  region = "eu-central-1"
}

provider "aws" {
  alias  = "us"
  region = "us-east-1"

  default_tags {
    tags = {
      owner = "bakery"
    }
  }
}

resource "aws_vpc" "bakery" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_hostnames = true

  tags = {
    Name = "bakery"
  }
}

resource "aws_subnet" "ovens" {
  count = 3

  vpc_id                  = aws_vpc.bakery.id
  cidr_block              = cidrsubnet(aws_vpc.bakery.cidr_block, 8, count.index)
  availability_zone       = data.aws_availability_zones.available.names[count.index]
  map_public_ip_on_launch = false
  tags                    = { Name = "ovens-${count.index + 1}" }
}

data "aws_availability_zones" "available" {
  state = "available"
}

resource "aws_route_table" "ovens" {
  vpc_id = aws_vpc.bakery.id

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.door.id
  }

  route {
    ipv6_cidr_block        = "::/0"
    egress_only_gateway_id = aws_egress_only_internet_gateway.door.id
  }
}

resource "aws_route_table_association" "ovens" {
  count          = length(aws_subnet.ovens)
  subnet_id      = aws_subnet.ovens.*.id[count.index]
  route_table_id = aws_route_table.ovens.id
}

resource "aws_internet_gateway" "door" { vpc_id = aws_vpc.bakery.id }
resource "aws_egress_only_internet_gateway" "door" { vpc_id = aws_vpc.bakery.id }
