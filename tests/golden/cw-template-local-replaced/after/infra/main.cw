provider "docker" { stack = "shop" }
variable "tag" { default = "1.27" }
variable "registry" { default = "docker.io" }
locals {
  web = "docker.io/httpd:2.4"
}
resource "service" "web" {
  image = local.web
}
