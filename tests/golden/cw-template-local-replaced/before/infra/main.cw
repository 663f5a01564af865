provider "docker" { stack = "shop" }
variable "tag" { default = "1.27" }
variable "registry" { default = "docker.io" }
locals {
  web = "${var.registry}/nginx:${var.tag}"
}
resource "service" "web" {
  image = local.web
}
