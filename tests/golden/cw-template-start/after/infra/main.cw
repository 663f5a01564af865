provider "docker" { stack = "shop" }
variable "tag" {
  type    = string
  default = "5.2.0" # keep
}
locals {
  registry = "mirror.example.com"
}
resource "service" "web" {
  image = "${local.registry}/storefront:${var.tag}"
}
