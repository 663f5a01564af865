provider "docker" { stack = "shop" }
variable "tag" {
  type    = string
  default = "5.2.0" # keep
}
locals {
  registry = "registry.example.com/shop"
}
resource "service" "web" {
  image = "${local.registry}/storefront:${var.tag}"
}
